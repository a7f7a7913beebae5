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
template <>
BoxOps<float> box_ops<float>() {
  return SHOAL_PICK_TABLE(nodes_f32).box;
}
template <>
BoxOps<double> box_ops<double>() {
  return SHOAL_PICK_TABLE(nodes_f64).box;
}

}  // namespace shoal::neighbors
