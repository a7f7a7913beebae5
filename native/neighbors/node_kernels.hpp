// What the trees' inner loops compute: distances from one point to eight boxes, and to the points of one leaf.
//
// Distances are *reduced*: what grows with the distance and needs no root (squares for euclidean, p-th powers for
// minkowski, the distance itself for manhattan and chebyshev). They are direct sums over the features in order, with no
// fused multiply-add: the same bits at every level, whichever way round the two points are given.
//
// Bounds need no slack. Rounding is monotone: no feature of a point inside a box is nearer than the box is in that
// feature, so neither are the rounded difference, its rounded square and the rounded sums, feature by feature. Hence
// near(box) <= distance(point) <= far(box) holds for the numbers as computed. (Powers may round either way: bounds of
// minkowski are widened by a few units in the last place.)
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/points.hpp"

namespace shoal::neighbors {

enum class Metric { euclidean, manhattan, chebyshev, minkowski };

/// Children of a node: a group of boxes is `fanout` boxes side by side. Feature f of box b has its lower bound at
/// 2 f fanout + b and its upper bound fanout values behind.
inline constexpr int fanout = 8;
/// Leaves hold a multiple of this many points, at most 64 of them; feature f of point i is at f leaf_size + i.
inline constexpr int leaf_multiple = 16;
inline constexpr int max_leaf_size = 64;

/// Row numbers in lanes as wide as the distances beside them.
inline constexpr std::int32_t no_row = std::numeric_limits<std::int32_t>::max();
template <class T>
using WideRow = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

template <class T>
struct NodeOps {
  /// near[b] = reduced distance from the query to box b; returns the mask of those <= bound.
  std::uint32_t (*near)(const T* boxes, const T* query, Index n_features, T p, T bound, T* near);
  /// far[b] = largest reduced distance from the query to a point in box b.
  void (*far)(const T* boxes, const T* query, Index n_features, T p, T* far);
  /// distance[i] = reduced distance from the query to point i, where it is <= bound (elsewhere: anything above);
  /// returns the mask of those <= bound.
  std::uint64_t (*leaf)(const T* points, Index leaf_size, const T* query, Index n_features, T p, T bound, T* distance);
  /// Inserts the points of the mask into a list ascending by (distance, row) of `most` values in whole vectors; what
  /// falls off its end is lost. An empty list holds no_row. Precondition: most a multiple of list_lanes, at most
  /// longest_list; rows ascend within a leaf.
  void (*insert)(T* distances, WideRow<T>* rows, Index most, std::uint64_t mask, Index leaf_size, const T* distance,
                 const std::int32_t* row);
  Index list_lanes;
  Index longest_list;  // 0: this level has no vectors
};

/// The same for axis-aligned boxes: low[f] <= value <= high[f] in every feature.
template <class T>
struct BoxOps {
  /// The mask of the boxes that share a point with [low, high]; *inside is the mask of those that lie in it.
  std::uint32_t (*overlap)(const T* boxes, const T* low, const T* high, Index n_features, std::uint32_t* inside);
  /// The mask of the points of a leaf that lie in it.
  std::uint64_t (*leaf)(const T* points, Index leaf_size, const T* low, const T* high, Index n_features);
};

template <class T>
struct NodeKernels {
  BoxOps<T> box;
  NodeOps<T> (*ops)(Metric metric, Index n_features);
};

/// The operations of the level in use.
template <class T>
NodeOps<T> node_ops(Metric metric, Index n_features);
template <class T>
BoxOps<T> box_ops();

}  // namespace shoal::neighbors
