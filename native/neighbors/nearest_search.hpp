// One query's walk through a k-d tree, near nodes first, under a limit that shrinks as things are found.
#pragma once
#include <bit>
#include <cstdint>

#include "neighbors/kd_tree.hpp"

namespace shoal::neighbors {

/// The finder says what is looked for:
///   T limit()                                     nothing beyond this reduced distance is wanted
///   bool skips(node)                              nothing in the node is wanted, whatever the limit
///   bool takes(near, node)                        something in the node, no nearer than `near`, may be wanted
///   void offer(leaf number, mask, distances)      points of a leaf within the limit there was
template <class T>
class NearestSearch {
 public:
  explicit NearestSearch(const KDTree<T>& tree)
      : tree_(tree), ops_(tree.ops()), d_(tree.n_features()), p_(tree.measure().p) {}

  /// From the leaf that holds the query, or any other, upwards: what is near comes first and rules out the rest.
  template <class Finder>
  void search_from(std::int32_t leaf, const T* query, Finder& finder) {
    if (!finder.skips(Node{0, leaf})) scan(leaf, query, finder);
    for (int level = 0; level < tree_.n_levels(); ++level, leaf /= fanout) {
      expand(level, leaf / fanout, 1u << (leaf % fanout), query, finder);
      drain(query, finder);
    }
  }

 private:
  struct Waiting {
    T near;
    Node node;
  };

  template <class Finder>
  void drain(const T* query, Finder& finder) {
    while (n_waiting_ > 0) {
      const Waiting next = waiting_[--n_waiting_];
      if (!finder.takes(next.near, next.node)) continue;
      if (next.node.level == 0)
        scan(next.node.number, query, finder);
      else
        expand(next.node.level - 1, next.node.number, 0, query, finder);
    }
  }

  // Puts the nodes of a group that may hold something on the stack, the nearest on top.
  template <class Finder>
  void expand(int level, std::int32_t group, std::uint32_t except, const T* query, Finder& finder) {
    alignas(64) T near[fanout];
    std::uint32_t mask = ops_.near(tree_.boxes(level, group), query, d_, p_, finder.limit(), near);
    mask &= tree_.members(level, group) & ~except;
    const int first = n_waiting_;
    for (; mask; mask &= mask - 1) {
      const int b = std::countr_zero(mask);
      const Node node{level, group * fanout + b};
      if (finder.skips(node)) continue;
      int place = n_waiting_++;
      for (; place > first && !farther(waiting_[place - 1], near[b], node); --place)
        waiting_[place] = waiting_[place - 1];
      waiting_[place] = {near[b], node};
    }
  }
  // Among boxes equally near the one with the smallest row comes first: with many equal points that one is enough.
  bool farther(const Waiting& a, T near, Node node) const {
    return a.near > near || (a.near == near && tree_.min_row(a.node) > tree_.min_row(node));
  }

  template <class Finder>
  void scan(std::int32_t leaf, const T* query, Finder& finder) {
    alignas(64) T distance[max_leaf_size];
    const std::uint64_t mask = ops_.leaf(tree_.leaf(leaf), tree_.leaf_size(), query, d_, p_, finder.limit(), distance) &
                               tree_.members_of_leaf(leaf);
    if (mask) finder.offer(leaf, mask, distance);
  }

  const KDTree<T>& tree_;
  const NodeOps<T> ops_;
  const Index d_;
  const T p_;
  Waiting waiting_[max_waiting];
  int n_waiting_ = 0;
};

}  // namespace shoal::neighbors
