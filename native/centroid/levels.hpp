// The k-means tables of every level.
#pragma once
#include "centroid/draw_kernels.hpp"
#include "centroid/halves.hpp"
#include "centroid/kernels.hpp"
#include "centroid/rough.hpp"
#include "centroid/row_kernels.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<float>, centroid_f32)
SHOAL_DECLARE_TABLE(centroid::CentroidKernels<double>, centroid_f64)
SHOAL_DECLARE_TABLE(centroid::HalvesKernels<float>, halves_f32)
SHOAL_DECLARE_TABLE(centroid::HalvesKernels<double>, halves_f64)
SHOAL_DECLARE_TABLE(centroid::RowKernels<float>, row_kernels_f32)
SHOAL_DECLARE_TABLE(centroid::RowKernels<double>, row_kernels_f64)
SHOAL_DECLARE_TABLE(centroid::DrawKernels<float>, draw_kernels_f32)
SHOAL_DECLARE_TABLE(centroid::DrawKernels<double>, draw_kernels_f64)
SHOAL_DECLARE_TABLE(centroid::RoughKernels, rough_kernels)
}  // namespace shoal
