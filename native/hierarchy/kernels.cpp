#include "hierarchy/kernels.hpp"

namespace shoal::hierarchy {

template <>
const TriangleKernels<float>& triangle_kernels<float>() {
  return SHOAL_PICK_TABLE(triangle_f32);
}
template <>
const TriangleKernels<double>& triangle_kernels<double>() {
  return SHOAL_PICK_TABLE(triangle_f64);
}
const PointKernels& point_kernels() {
  return SHOAL_PICK_TABLE(linkage_points);
}
const ScreenKernels& screen_kernels() {
  return SHOAL_PICK_TABLE(linkage_screen);
}

}  // namespace shoal::hierarchy
