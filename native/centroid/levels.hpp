// The k-means tables of every level.
#pragma once
#include "centroid/kernels.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<float>, centroid_f32)
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<double>, centroid_f64)
}  // namespace shoal
