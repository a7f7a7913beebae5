// A tree of boxes over the samples, cut as density clustering wants it: the cells of DBSCAN.
//
// A node is split at the middle of the longest side of its tight box (from a certain depth on, and small nodes of many
// features, at the median, which bounds the depth and fills the leaves) until it has few samples, or until its samples
// are all within reach of each other and heavy enough that every one of them is a core sample: such a *dense* node is
// only cut into pieces of a size that the kernels like. So dense regions cost what a grid of side eps / sqrt(d) costs
// (Gan & Tao, SIGMOD 2015), sparse regions what a kd-tree costs, and neither huge coordinates nor a tiny eps can
// overflow a cell number.
//
// The samples are kept leaf by leaf in double, each leaf feature by feature (see Block). What boxes say about
// distances is exact in floating-point arithmetic: differences, powers and sums in ascending order of the features
// are monotone, so the norm between two boxes is never above, and their span never below, the norm of any two of their
// samples as the kernels compute it. (Only pow is not known to be monotone; minkowski has a margin.)
//
// Cost O(n d depth) time, two copies of the samples while it is built, one and O(n / leaf) nodes afterwards.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "density/reach.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::density {

struct Node {
  std::int32_t begin = 0, end = 0;  // positions
  std::int32_t left = -1;           // the right child is the next node; -1 in a leaf
  std::int32_t parent = -1;

  bool is_leaf() const { return left < 0; }
  Index size() const { return end - begin; }
};

struct CellTree {
  Index n_samples = 0;
  Index n_features = 0;
  std::vector<std::int32_t> index;   // of the sample at each position; ascending within a leaf
  AlignedVector<double> data;        // leaf by leaf, block_padding more at the end
  std::vector<Node> nodes;           // the root first, level by level; siblings are neighbours
  AlignedVector<double> boxes;       // 2 n_features per node: the lower corner, then the upper one
  std::vector<std::uint8_t> tight;   // 1: all samples of the node are within reach of each other
  std::vector<std::uint8_t> dense;   // 1: tight, and heavy enough
  std::vector<std::int32_t> leaves;  // in order of position

  const double* box(Index node) const { return boxes.data() + 2 * n_features * node; }
  double* box(Index node) { return boxes.data() + 2 * n_features * node; }
  Block block(const Node& leaf) const {
    return {data.data() + leaf.begin * n_features, leaf.size(), leaf.size(), n_features};
  }
  double* leaf_data(const Node& leaf) { return data.data() + leaf.begin * n_features; }
};

inline constexpr Index max_leaf = 64;  // samples in a leaf; a mask of one word
/// Samples in a leaf that is not dense: fewer make more boxes to compare, more make more distances in vain.
inline Index cell_size(Index n_features) {
  return n_features <= 2 ? 8 : n_features < 10 ? 16 : 32;
}

/// The tree over the rows of x. A tight node of at least `dense_weight` (sum of `weight`, or of ones) is dense.
/// Precondition: 1 <= leaf_size <= max_leaf; x has fewer than 2^31 rows.
template <class T>
CellTree build_cells(Points<const T> x, std::span<const double> weight, const Reach& reach, double dense_weight,
                     Index leaf_size, Run& run);

// --- norms between boxes ------------------------------------------------------------------------------------

// How far minkowski's sums of pow may be from monotone, relatively.
inline constexpr double pow_margin = 1e-12;

template <Norm N>
inline double add_norm(double sum, double difference, [[maybe_unused]] double p) {
  if constexpr (N == Norm::sq_euclidean) return sum + difference * difference;
  if constexpr (N == Norm::manhattan) return sum + std::fabs(difference);
  if constexpr (N == Norm::chebyshev) return std::max(sum, std::fabs(difference));
  return sum + std::pow(std::fabs(difference), p);
}

/// At most the norm between any point of box a and any of box b. D features, or when D is 0, `n_features`.
template <Norm N, int D>
inline double gap(const double* a, const double* b, Index n_features, double p) {
  const Index d = D ? D : n_features;
  double sum = 0;
  for (Index f = 0; f < d; ++f) sum = add_norm<N>(sum, std::max(std::max(a[f] - b[d + f], b[f] - a[d + f]), 0.0), p);
  return N == Norm::minkowski ? sum * (1 - pow_margin) : sum;
}
/// At least the norm between any point of box a and any of box b.
template <Norm N, int D>
inline double span_of(const double* a, const double* b, Index n_features, double p) {
  const Index d = D ? D : n_features;
  double sum = 0;
  for (Index f = 0; f < d; ++f) sum = add_norm<N>(sum, std::max(a[d + f] - b[f], b[d + f] - a[f]), p);
  return N == Norm::minkowski ? sum * (1 + pow_margin) : sum;
}
/// span_of(...) <= reach.radius, of which most boxes with many features fall short within a few.
template <Norm N, int D>
inline bool spans_within(const double* a, const double* b, Index n_features, const Reach& reach) {
  if constexpr (D > 0) return span_of<N, D>(a, b, n_features, reach.p) <= reach.radius;
  double sum = 0;
  for (Index f = 0; f < n_features; ++f) {
    sum = add_norm<N>(sum, std::max(a[n_features + f] - b[f], b[n_features + f] - a[f]), reach.p);
    if (!(sum <= reach.radius)) return false;
  }
  return (N == Norm::minkowski ? sum * (1 + pow_margin) : sum) <= reach.radius;
}

/// Calls body(integral_constant<Norm>, integral_constant<int>): the norm, and the number of features when it is
/// small and the norm Euclidean, else 0.
template <class Body>
void with_norm(Norm norm, Index n_features, Body&& body) {
  using std::integral_constant;
  switch (norm) {
    case Norm::manhattan:
      return body(integral_constant<Norm, Norm::manhattan>{}, integral_constant<int, 0>{});
    case Norm::chebyshev:
      return body(integral_constant<Norm, Norm::chebyshev>{}, integral_constant<int, 0>{});
    case Norm::minkowski:
      return body(integral_constant<Norm, Norm::minkowski>{}, integral_constant<int, 0>{});
    case Norm::sq_euclidean:
      break;
  }
  constexpr integral_constant<Norm, Norm::sq_euclidean> euclidean{};
  if (n_features == 2) return body(euclidean, integral_constant<int, 2>{});
  if (n_features == 3) return body(euclidean, integral_constant<int, 3>{});
  if (n_features == 5) return body(euclidean, integral_constant<int, 5>{});
  return body(euclidean, integral_constant<int, 0>{});
}

}  // namespace shoal::density
