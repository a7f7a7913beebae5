#include "centroid/kernels.hpp"

#include "centroid/levels.hpp"

namespace shoal::centroid {

template <>
const CentroidKernels<float>& kernels<float>() {
  return SHOAL_PICK_TABLE(centroid_f32);
}
template <>
const CentroidKernels<double>& kernels<double>() {
  return SHOAL_PICK_TABLE(centroid_f64);
}

}  // namespace shoal::centroid
