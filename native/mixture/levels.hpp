// The mixture tables of every level.
#pragma once
#include "mixture/density.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(mixture::MixtureKernels<float>, mixture_f32)
SHOAL_DECLARE_TABLE(mixture::MixtureKernels<double>, mixture_f64)
}  // namespace shoal
