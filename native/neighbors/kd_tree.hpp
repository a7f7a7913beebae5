// The k-d tree: exact nearest neighbours and radius queries for small and middle numbers of features.
//
// J. L. Bentley, "Multidimensional binary search trees used for associative searching", CACM 18(9), 1975; halved at the
// median of the widest side of the tight box as in J. H. Friedman, J. L. Bentley, R. A. Finkel, "An algorithm for
// finding best matches in logarithmic expected time", ACM TOMS 3(3), 1977. Three halvings make one node with up to
// eight children, so that one vector holds one side of all children's boxes.
//
// Shape. Leaf i holds the points at positions [i * leaf_size, (i + 1) * leaf_size) of the tree order, feature by
// feature; all leaves but the last are full. Node q of level l (level 0: the leaves) covers leaves
// [q * 8^l, (q + 1) * 8^l); its children are nodes 8 q ... 8 q + 7 of level l - 1. So there are no pointers, every
// range is arithmetic, and the shape depends on n and leaf_size alone. Ties at a median are broken by row number.
//
// Cost: O(n log n) to build, O(n d) memory: the points once more, 2 d / leaf_size values of boxes per point, two
// 32-bit numbers per point. A query visits O(log n) nodes while d is small against log n, all of them when it is not.
// Results do not depend on threads, nor on the level: see node_kernels.hpp for why bounds and distances are exact
// in the order of the numbers as computed.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "base/points.hpp"
#include "neighbors/node_kernels.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::neighbors {

/// "euclidean", "manhattan", "chebyshev", "minkowski"; throws std::invalid_argument.
Metric metric_from_name(std::string_view name);

/// A metric and the exponent of minkowski; turns distances into reduced ones and back.
template <class T>
struct Measure {
  Metric metric = Metric::euclidean;
  T p = 2;

  T reduce(T distance) const {
    if (metric == Metric::euclidean) return distance * distance;
    if (metric == Metric::minkowski) return std::pow(distance, p);
    return distance;
  }
  T distance(T reduced) const {
    if (metric == Metric::euclidean) return std::sqrt(reduced);
    if (metric == Metric::minkowski) return std::pow(reduced, 1 / p);
    return reduced;
  }
};

/// A node: level 0 is the leaves.
struct Node {
  std::int32_t level;
  std::int32_t number;
};

/// How points come to stand beside each other; see ordering.hpp.
enum class Order { halving, tiles };

/// Levels a tree can have: leaves of at least 16 points, fewer than 2^31 points.
inline constexpr int max_levels = 10;
/// Room for every node that waits in a depth-first search.
inline constexpr int max_waiting = fanout * (max_levels + 1);

template <class T>
class KDTree {
 public:
  /// Precondition: 1 <= n < 2^31; values finite; leaf_size a multiple of leaf_multiple, at most max_leaf_size.
  KDTree(Points<const T> x, Weights<T> weight, Index leaf_size, Measure<T> measure, Run& run,
         Order order = Order::halving);

  Index n_samples() const { return n_; }
  Index n_features() const { return d_; }
  Index leaf_size() const { return leaf_size_; }
  const Measure<T>& measure() const { return measure_; }
  const NodeOps<T>& ops() const { return ops_; }

  // --- positions: points in tree order ---------------------------------------------------------------------------
  /// row(position) is the row of the input that stands there.
  std::int32_t row(Index position) const { return rows_[static_cast<std::size_t>(position)]; }
  std::span<const std::int32_t> rows() const { return rows_; }
  /// The inverse of rows().
  std::vector<std::int32_t> positions() const;
  T value(Index position, Index feature) const {
    return leaf(position / leaf_size_)[feature * leaf_size_ + position % leaf_size_];
  }
  /// out[0..n_features) = the point.
  void point(Index position, T* out) const {
    const T* from = leaf(position / leaf_size_) + position % leaf_size_;
    for (Index f = 0; f < d_; ++f) out[f] = from[f * leaf_size_];
  }
  /// Weight of the point; 1 when the tree has none.
  T weight(Index position) const { return weights_.empty() ? T{1} : weights_[static_cast<std::size_t>(position)]; }
  bool weighted() const { return !weights_.empty(); }

  // --- nodes -------------------------------------------------------------------------------------------------------
  int n_levels() const { return static_cast<int>(levels_.size()); }
  /// Nodes of a level; the highest level has at most `fanout`, the children of the root.
  Index n_nodes(int level) const { return levels_[static_cast<std::size_t>(level)].n; }
  Index n_leaves() const { return n_nodes(0); }
  /// Positions [begin(node), end(node)).
  Index begin(Node node) const { return (static_cast<Index>(node.number) << (3 * node.level)) * leaf_size_; }
  Index end(Node node) const {
    return std::min(n_, (static_cast<Index>(node.number + 1) << (3 * node.level)) * leaf_size_);
  }
  /// Sum of the weights (the number of points when the tree has none).
  double total_weight(Node node) const {
    return weights_.empty() ? static_cast<double>(end(node) - begin(node)) : weight_sums_[at(node)];
  }
  /// The smallest row of the input in the node.
  std::int32_t min_row(Node node) const { return min_rows_[at(node)]; }
  /// A number for each node, below n_all_nodes(): for what others keep per node.
  std::size_t at(Node node) const {
    return levels_[static_cast<std::size_t>(node.level)].first + static_cast<std::size_t>(node.number);
  }
  std::size_t n_all_nodes() const { return min_rows_.size(); }
  /// The boxes of nodes 8 group ... 8 group + 7 of a level, laid out as NodeOps takes them.
  const T* boxes(int level, Index group) const {
    return boxes_.data() + (levels_[static_cast<std::size_t>(level)].first / fanout + static_cast<std::size_t>(group)) *
                               static_cast<std::size_t>(2 * fanout * d_);
  }
  /// Which of these eight nodes there are.
  std::uint32_t members(int level, Index group) const {
    const Index left = n_nodes(level) - group * fanout;
    return left >= fanout ? (1u << fanout) - 1 : (1u << left) - 1;
  }
  T lower(Node node, Index feature) const { return side(node, 2 * feature); }
  T upper(Node node, Index feature) const { return side(node, 2 * feature + 1); }
  /// The points of a leaf, laid out as NodeOps takes them; those behind the last are at infinity.
  const T* leaf(Index number) const { return leaves_.data() + number * leaf_size_ * d_; }
  /// Which of them there are.
  std::uint64_t members_of_leaf(Index number) const {
    const Index n = std::min(leaf_size_, n_ - number * leaf_size_);
    return n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
  }

 private:
  struct Level {
    Index n;            // nodes
    std::size_t first;  // at() of the first; a multiple of fanout
  };
  T side(Node node, Index column) const {
    return boxes(node.level, node.number / fanout)[column * fanout + node.number % fanout];
  }
  void shape();
  void fill(Points<const T> x, Weights<T> weight, Run& run);
  void fill_level(int level, Run& run);

  Index n_, d_, leaf_size_;
  Measure<T> measure_;
  NodeOps<T> ops_;
  std::vector<Level> levels_;
  std::vector<std::int32_t> rows_;
  AlignedVector<T> leaves_;
  AlignedVector<T> boxes_;
  std::vector<T> weights_;
  std::vector<double> weight_sums_;
  std::vector<std::int32_t> min_rows_;
};

/// Leaves that were fastest for k nearest neighbours in measurements.
Index default_leaf_size(Index n_features);

// --- visits -----------------------------------------------------------------------------------------------------

/// Walks over the points within a reduced radius of a query, nodes that lie inside as a whole in one piece:
/// inside(node) for those, some(leaf number, mask, distances) for leaves with points within: bit i of the mask is
/// set where point i of the leaf is within, distances[i] is then its reduced distance. The order is the same in every
/// run. Either may return false to stop the walk; returns false when stopped.
template <class T, class Inside, class Some>
bool visit_within(const KDTree<T>& tree, const T* query, T reduced_radius, Inside&& inside, Some&& some) {
  const NodeOps<T>& ops = tree.ops();
  const Index d = tree.n_features();
  const T p = tree.measure().p;
  Node waiting[max_waiting];
  int n_waiting = 0;
  alignas(64) T near[fanout];
  alignas(64) T far[fanout];
  alignas(64) T distance[max_leaf_size];
  Node group{tree.n_levels() - 1, 0};  // the children of what is looked at
  for (;;) {
    const T* boxes = tree.boxes(group.level, group.number);
    std::uint32_t mask = ops.near(boxes, query, d, p, reduced_radius, near) & tree.members(group.level, group.number);
    if (mask) ops.far(boxes, query, d, p, far);
    for (; mask; mask &= mask - 1) {
      const int b = std::countr_zero(mask);
      const Node node{group.level, group.number * fanout + b};
      if (far[b] <= reduced_radius) {
        if (!inside(node)) return false;
      } else if (node.level > 0) {
        waiting[n_waiting++] = {node.level - 1, node.number};
      } else {
        const std::uint64_t found =
            ops.leaf(tree.leaf(node.number), tree.leaf_size(), query, d, p, reduced_radius, distance) &
            tree.members_of_leaf(node.number);
        if (found && !some(node.number, found, distance)) return false;
      }
    }
    if (n_waiting == 0) return true;
    group = waiting[--n_waiting];
  }
}

/// Calls visit(position) for every point within the reduced radius.
template <class T, class Visit>
void for_each_within(const KDTree<T>& tree, const T* query, T reduced_radius, Visit&& visit) {
  visit_within(
      tree, query, reduced_radius,
      [&](Node node) {
        for (Index i = tree.begin(node), end = tree.end(node); i < end; ++i) visit(i);
        return true;
      },
      [&](Index leaf, std::uint64_t mask, const T*) {
        for (; mask; mask &= mask - 1) visit(leaf * tree.leaf_size() + std::countr_zero(mask));
        return true;
      });
}

/// Weight of the points within the reduced radius, at least; looks no further once it is `enough`.
template <class T>
double weight_within(const KDTree<T>& tree, const T* query, T reduced_radius,
                     double enough = std::numeric_limits<double>::infinity()) {
  double sum = 0;
  visit_within(
      tree, query, reduced_radius,
      [&](Node node) {
        sum += tree.total_weight(node);
        return sum < enough;
      },
      [&](Index leaf, std::uint64_t mask, const T*) {
        if (!tree.weighted())
          sum += std::popcount(mask);
        else
          for (; mask; mask &= mask - 1) sum += tree.weight(leaf * tree.leaf_size() + std::countr_zero(mask));
        return sum < enough;
      });
  return sum;
}

// --- batches ----------------------------------------------------------------------------------------------------

/// The k nearest points for each row of x, nearest first, ties by row number: distances and rows of the input,
/// n x k each. Precondition: 1 <= k <= tree.n_samples(), x.n_features == tree.n_features().
template <class T>
void k_nearest(const KDTree<T>& tree, Points<const T> x, Index k, T* distances, std::int32_t* rows, Run& run);

/// The same for the tree's own points, in the order of the input: each is among its own neighbours (unless k points
/// with smaller rows coincide with it). Faster than k_nearest: neighbours in the tree are asked together.
template <class T>
void k_nearest_of_own(const KDTree<T>& tree, Index k, T* distances, std::int32_t* rows, Run& run);

/// The first `kept` of the k nearest of the tree's own points as positions, in tree order, n x kept each, and the k-th
/// distance of each point (unless null); distances stay reduced. Precondition: kept <= k.
template <class T>
void k_nearest_positions(const KDTree<T>& tree, Index k, Index kept, T* reduced, std::int32_t* positions, T* last,
                         Run& run);

/// out[i] = distance from row i of the input to its k-th nearest point, itself the first.
template <class T>
void core_distances(const KDTree<T>& tree, Index k, std::span<T> out, Run& run);

/// out[i] = weight of the points within radius[i] of row i of x.
template <class T>
void weights_within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, std::span<double> out,
                    Run& run);

/// Rows of the input within radius[i] of row i of x: rows[start[i] ... start[i + 1]), ascending, or nearest first with
/// ties by row when `wanted.sorted`; their distances in step when wanted.
template <class T>
struct Neighbourhoods {
  std::vector<std::int64_t> start;
  std::vector<std::int32_t> rows;
  std::vector<T> distances;
};
struct Wanted {
  bool rows = true;  // else only `start`
  bool distances = false;
  bool sorted = false;
};
template <class T>
Neighbourhoods<T> within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, Wanted wanted, Run& run);

}  // namespace shoal::neighbors
