// The trees' tables of every level.
#pragma once
#include "neighbors/node_kernels.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(neighbors::NodeKernels<float>, nodes_f32)
SHOAL_DECLARE_TABLE(neighbors::NodeKernels<double>, nodes_f64)
}  // namespace shoal
