// The inner loops of the k-means family that depend on the instruction set.
#pragma once
#include <cstdint>

#include "base/points.hpp"
#include "distance/tile.hpp"
#include "simd/aligned.hpp"

namespace shoal::centroid {

/// Centres side by side, `size` to a group, feature by feature: one vector holds one feature of several centres.
/// Group g, feature p, lane l is data[(g * n_features + p) * size + l]; lanes without a centre start at +inf.
/// The twin of distance::PackedRows with the roles swapped; both add up in the same order, so a value has the same
/// bits from either.
template <class T>
struct CenterLanes {
  Index n_groups = 0;
  Index n_features = 0;
  int size = 1;
  AlignedVector<T> data;
  AlignedVector<T> start;             // |centre|^2 / 2 per lane
  std::vector<std::int32_t> center;   // the centre in each lane (ascending within a group); -1: none
  std::vector<std::int32_t> lane_of;  // and back: the lane of each centre

  const T* group(Index g) const { return data.data() + g * n_features * size; }
  const T* group_start(Index g) const { return start.data() + g * size; }
};

/// What one group has for one sample: its two smallest values (expanded form) and the lane of the smallest.
template <class T>
struct LaneBest {
  T best;
  T second;
  std::int32_t lane;
};

/// Consecutive rows to be written out, shifted: out[i] = row i - origin.
template <class T>
struct RowsAhead {
  const T* x = nullptr;
  const T* origin = nullptr;
  T* out = nullptr;
  Index n = 0;
};

template <class T>
struct CentroidKernels {
  int group_size;  // centres in a group of CenterLanes

  /// out[i] = row i minus origin (n x n_features), sq_norm[i] = |out[i]|^2.
  void (*shift_rows)(const distance::Samples<T>& samples, T* out, T* sq_norm);

  /// sum += factor * (row - origin), in double.
  void (*add_row)(double* sum, const T* row, const T* origin, double factor, Index n_features);

  /// For n rows: sum += weight * (row - origin), sum_sq += weight * (row - origin)^2. Weights are 1 when null.
  void (*add_moments)(double* sum, double* sum_sq, const T* rows, Index n, Index n_features, const T* origin,
                      const T* weight);

  /// One group against n shifted rows; all its values (n x group_size) go to `values` unless that is null. The rows
  /// of `ahead` are written out meanwhile.
  void (*best_of_group)(const T* const* rows, Index n, const T* group, const T* start, Index n_features,
                        LaneBest<T>* out, T* values, const RowsAhead<T>& ahead);

  /// The centre with the smallest start[j] - x . centre j, for one sparse row x of `stored` values. Feature p of the
  /// centres is transposed[p * stride .. + stride), stride a multiple of group_size. A tie goes to the smaller.
  std::int32_t (*nearest_sparse)(const T* value, const std::int32_t* column, Index stored, const T* transposed,
                                 const T* start, Index stride);

  /// The test of bounds: bound b of sample i proves that no centre under it is nearer than the sample's own when
  /// (bound - upper) (bound + upper) > slack_scale * (upper + slack_shift), the right
  /// side being what rounding can hide.
  /// Bounds lie bound after bound: bounds[b * n + i].
  /// drift: bounds[b * n + i] -= moves[b], shrunk by rounding; open[i] = 1 where some bound of i proves nothing.
  void (*drift)(T* bounds, const T* moves, Index n_bounds, const T* upper, Index n, T slack_scale, T slack_shift,
                std::uint8_t* open);
  /// Appends to `list` the samples with open[i] that some of `n_bounds` bounds leaves open; returns how many.
  Index (*list_open)(const T* bounds, Index n_bounds, const T* upper, Index n, T slack_scale, T slack_shift,
                     const std::uint8_t* open, std::int32_t* list);
};

template <class T>
const CentroidKernels<T>& kernels();

}  // namespace shoal::centroid
