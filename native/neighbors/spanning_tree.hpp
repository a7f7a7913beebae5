// What a minimum spanning tree is made of: edges in one total order, sets of connected points, the tree, and the
// merges of single linkage that its edges are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::neighbors {

/// Between points u < v. Compared by (weight, u, v): no two edges are equal, so there is exactly one minimum spanning
/// tree, whatever the algorithm and the number of threads.
template <class T>
struct Edge {
  T weight;
  std::int32_t u, v;
  friend bool operator<(const Edge& a, const Edge& b) {
    if (a.weight != b.weight) return a.weight < b.weight;
    return std::tie(a.u, a.v) < std::tie(b.u, b.v);
  }
};

template <class T>
Edge<T> edge_of(T weight, std::int32_t i, std::int32_t j) {
  return {weight, std::min(i, j), std::max(i, j)};
}

/// The edges between points u[i] < v[i], ascending. n - 1 of them, fewer in a forest.
struct SpanningTree {
  std::vector<std::int32_t> u, v;
  std::vector<double> weight;
  std::vector<double> core;  // core distance of every point; empty where the algorithm says so
};

/// Precondition: edges ascending.
template <class T>
SpanningTree spanning_tree(std::span<const Edge<T>> edges, std::vector<double> core = {});

/// Sets of points that are connected. find and join: O(1) amortized in practice.
class Components {
 public:
  explicit Components(Index n);
  std::int32_t find(std::int32_t i);
  /// False when they were one already. The larger set's root stays a root, of equals that of a.
  bool join(std::int32_t a, std::int32_t b);
  Index count() const { return count_; }

 private:
  std::vector<std::int32_t> parent_;  // negative: minus the size of a root's set
  Index count_;
};

/// Merge i joins nodes left[i] and right[i] into node n + i, of weight size[i].
struct SingleLinkage {
  std::vector<std::int32_t> left, right;
  std::vector<double> size;
};

/// left holds u[i], right holds v[i]. O(n). Precondition: the n - 1 edges of a spanning tree, ascending.
SingleLinkage single_linkage(std::span<const std::int32_t> u, std::span<const std::int32_t> v, Weights<double> weight,
                             Run& run);

}  // namespace shoal::neighbors
