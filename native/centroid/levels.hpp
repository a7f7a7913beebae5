// The k-means tables of every level.
#pragma once
#include "centroid/halves.hpp"
#include "centroid/kernels.hpp"
#include "centroid/rough.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<float>, centroid_f32)
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<double>, centroid_f64)
SHOAL_DECLARE_TABLE(centroid::HalvesKernels<float>, halves_f32)
SHOAL_DECLARE_TABLE(centroid::HalvesKernels<double>, halves_f64)
SHOAL_DECLARE_TABLE(centroid::RoughKernels, rough_kernels)
}  // namespace shoal
