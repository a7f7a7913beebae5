#include "centroid/rough.hpp"

#include "centroid/levels.hpp"

namespace shoal::centroid {

const RoughKernels& rough() {
  return SHOAL_PICK_TABLE(rough_kernels);
}

}  // namespace shoal::centroid
