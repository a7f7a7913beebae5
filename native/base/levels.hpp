// The tables of every level for the checks of input.
#pragma once
#include "base/extremes.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(base::ExtremesKernel<float>, extremes_f32)
SHOAL_DECLARE_TABLE(base::ExtremesKernel<double>, extremes_f64)
}  // namespace shoal
