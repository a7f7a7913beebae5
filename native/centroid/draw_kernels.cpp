#include "centroid/draw_kernels.hpp"

#include "centroid/levels.hpp"

namespace shoal::centroid {

template <>
const DrawKernels<float>& draw_kernels<float>() {
  return SHOAL_PICK_TABLE(draw_kernels_f32);
}
template <>
const DrawKernels<double>& draw_kernels<double>() {
  return SHOAL_PICK_TABLE(draw_kernels_f64);
}

}  // namespace shoal::centroid
