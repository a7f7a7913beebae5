#include "centroid/halves.hpp"

#include "centroid/levels.hpp"

namespace shoal::centroid {

template <>
const HalvesKernels<float>& halves<float>() {
  return SHOAL_PICK_TABLE(halves_f32);
}
template <>
const HalvesKernels<double>& halves<double>() {
  return SHOAL_PICK_TABLE(halves_f64);
}

}  // namespace shoal::centroid
