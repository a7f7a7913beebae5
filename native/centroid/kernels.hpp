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

template <class T>
struct CentroidKernels {
  int group_size;  // centres in a group of CenterLanes

  /// out[i] = row i minus origin (n x n_features), sq_norm[i] = |out[i]|^2.
  void (*shift_rows)(const distance::Samples<T>& samples, T* out, T* sq_norm);

  /// Sum of squared differences.
  T (*sq_dist)(const T* a, const T* b, Index n_features);

  /// sum += factor * (row - origin), in double.
  void (*add_row)(double* sum, const T* row, const T* origin, double factor, Index n_features);

  /// The same, and sum_sq += factor * (row - origin)^2.
  void (*add_moments)(double* sum, double* sum_sq, const T* row, const T* origin, double factor, Index n_features);

  /// One group against n shifted rows; all its values (n x group_size) go to `values` unless that is null.
  void (*best_of_group)(const T* const* rows, Index n, const T* group, const T* start, Index n_features,
                        LaneBest<T>* out, T* values);
  /// All values of one group for one shifted row.
  void (*group_values)(const T* row, const T* group, const T* start, Index n_features, T* out);

  /// The centre with the smallest start[j] - x . centre j, for one sparse row x of `stored` values. Feature p of the
  /// centres is transposed[p * stride .. + stride), stride a multiple of group_size. A tie goes to the smaller.
  std::int32_t (*nearest_sparse)(const T* value, const std::int32_t* column, Index stored, const T* transposed,
                                 const T* start, Index stride);

  /// Squared distances from rows of `samples` to `n_candidates` points (row-major): out[c * stride + i].
  void (*candidate_distances)(const distance::Samples<T>& samples, const T* candidates, Index n_candidates, T* out,
                              Index stride);

  /// Moves bounds[j] -= moves[j], shrunk by rounding; mask[j] = 1 where the bound no longer proves that its group
  /// cannot win: (bound - upper) (bound + upper) <= slack. Returns whether any is set.
  bool (*drift)(T* bounds, const T* moves, Index n, T upper, T slack, std::uint8_t* mask);
  /// The test alone, without moving.
  bool (*retest)(const T* bounds, Index n, T upper, T slack, std::uint8_t* mask);
};

template <class T>
const CentroidKernels<T>& kernels();

}  // namespace shoal::centroid
