#include "neighbors/node_kernels.hpp"

#include "neighbors/levels.hpp"

namespace shoal::neighbors {

template <>
NodeOps<float> node_ops<float>(Metric metric, Index n_features) {
  return SHOAL_PICK_TABLE(nodes_f32).ops(metric, n_features);
}
template <>
NodeOps<double> node_ops<double>(Metric metric, Index n_features) {
  return SHOAL_PICK_TABLE(nodes_f64).ops(metric, n_features);
}

}  // namespace shoal::neighbors
