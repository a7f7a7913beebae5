// The packed R-tree: boxes asked of points, with counts and sums.
//
// A. Guttman, "R-trees: a dynamic index structure for spatial searching", SIGMOD 1984, bulk-loaded by tiles (see
// ordering.hpp): full leaves, tight boxes, no pointers. The nodes are those of kd_tree.hpp in another order, so
// whatever a k-d tree answers this one does too. It adds axis-aligned boxes, and keeps for every node the weighted sum
// of its points, so that a node inside a box is counted and summed without a look at its points.
//
// Cost: O(n log n) to build, O(n d) memory; a box query visits the nodes whose boxes its border cuts, and their
// neighbours: O(n^(1 - 1/d) + answer) leaves, the answer left out for counts and sums. Sums are in double, in the order
// of the tree: the same bits for any number of threads.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "neighbors/kd_tree.hpp"
#include "parallel/run.hpp"

namespace shoal::neighbors {

template <class T>
class RTree {
 public:
  /// Precondition: as for KDTree.
  RTree(Points<const T> x, Weights<T> weight, Index leaf_size, Measure<T> measure, Run& run);

  const KDTree<T>& nodes() const { return nodes_; }
  const BoxOps<T>& ops() const { return ops_; }
  /// Sum over the node's points of weight * feature; n_features values.
  const double* sums(Node node) const {
    return sums_.data() + nodes_.at(node) * static_cast<std::size_t>(nodes_.n_features());
  }

 private:
  KDTree<T> nodes_;
  BoxOps<T> ops_;
  std::vector<double> sums_;
};

/// Walks over the points with low[f] <= value <= high[f] in every feature: inside(node) for nodes that lie inside as a
/// whole, some(leaf number, mask) for leaves with points inside. The order is the same in every run.
template <class T, class Inside, class Some>
void visit_box(const RTree<T>& tree, const T* low, const T* high, Inside&& inside, Some&& some) {
  const KDTree<T>& nodes = tree.nodes();
  const BoxOps<T>& ops = tree.ops();
  const Index d = nodes.n_features();
  Node waiting[max_waiting];
  int n_waiting = 0;
  Node group{nodes.n_levels() - 1, 0};  // the children of what is looked at
  for (;;) {
    std::uint32_t covered = 0;
    std::uint32_t mask = ops.overlap(nodes.boxes(group.level, group.number), low, high, d, &covered);
    for (mask &= nodes.members(group.level, group.number); mask; mask &= mask - 1) {
      const int b = std::countr_zero(mask);
      const Node node{group.level, group.number * fanout + b};
      if (covered >> b & 1) {
        inside(node);
      } else if (node.level > 0) {
        waiting[n_waiting++] = {node.level - 1, node.number};
      } else {
        const std::uint64_t found =
            ops.leaf(nodes.leaf(node.number), nodes.leaf_size(), low, high, d) & nodes.members_of_leaf(node.number);
        if (found) some(node.number, found);
      }
    }
    if (n_waiting == 0) return;
    group = waiting[--n_waiting];
  }
}

/// weight = the weight of the points in the box; sums (when not null) = the sum of weight * feature over them.
template <class T>
double box_weight(const RTree<T>& tree, const T* low, const T* high, double* sums = nullptr);

/// The same for many boxes: weight[i], sums[i * n_features + f] (when not empty).
template <class T>
void box_weights(const RTree<T>& tree, Points<const T> low, Points<const T> high, std::span<double> weight,
                 std::span<double> sums, Run& run);

/// Rows of the input in box i: rows[start[i] ... start[i + 1]), ascending.
template <class T>
Neighbourhoods<T> within_boxes(const RTree<T>& tree, Points<const T> low, Points<const T> high, Run& run);

}  // namespace shoal::neighbors
