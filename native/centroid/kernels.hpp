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

/// Candidates side by side in candidate_products.
inline constexpr int candidate_lanes = 8;

template <class T>
struct CentroidKernels {
  int group_size;  // centres in a group of CenterLanes

  /// out[i] = row i minus origin (n x n_features), sq_norm[i] = |out[i]|^2.
  void (*shift_rows)(const distance::Samples<T>& samples, T* out, T* sq_norm);

  /// sum += factor * (row - origin), in double.
  void (*add_row)(double* sum, const T* row, const T* origin, double factor, Index n_features);

  /// The same, and sum_sq += factor * (row - origin)^2.
  void (*add_moments)(double* sum, double* sum_sq, const T* row, const T* origin, double factor, Index n_features);

  /// One group against n shifted rows; all its values (n x group_size) go to `values` unless that is null. The rows
  /// of `ahead` are written out meanwhile.
  void (*best_of_group)(const T* const* rows, Index n, const T* group, const T* start, Index n_features,
                        LaneBest<T>* out, T* values, const RowsAhead<T>& ahead);

  /// The centre with the smallest start[j] - x . centre j, for one sparse row x of `stored` values. Feature p of the
  /// centres is transposed[p * stride .. + stride), stride a multiple of group_size. A tie goes to the smaller.
  std::int32_t (*nearest_sparse)(const T* value, const std::int32_t* column, Index stored, const T* transposed,
                                 const T* start, Index stride);

  /// Squared distances from rows of `samples` to `n_candidates` points (row-major): out[c * stride + i].
  void (*candidate_distances)(const distance::Samples<T>& samples, const T* candidates, Index n_candidates, T* out,
                              Index stride);

  /// The same by |x|^2 + 2 v, at least 0: v = start[l] - x . candidate l for candidate_lanes candidates side by side
  /// (feature p at lanes[p * candidate_lanes + l]), |x|^2 in sq_norm (per sample, not shifted by index).
  void (*candidate_products)(const distance::Samples<T>& samples, const T* lanes, const T* start, const T* sq_norm,
                             Index n_candidates, T* out, Index stride);

  /// Screens samples by 8-bit codes, 16 samples side by side, four features of each in a word: codes has
  /// n_words * 16 words per panel. Sets bit t of nearer[i] where offset[i] + draw_offset[t] - 2 codes . draw t, the
  /// squared distance of the codes, is below (root[i] + draw_slack[t])^2 * scale; all other (i, t) cannot be nearer.
  /// draws: n_words words per draw, of signed bytes. At most 16 draws. Returns the number of bits set. Null where the
  /// processor has no 8-bit products.
  Index (*screen)(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset,
                  const float* root, const std::int8_t* draws, const std::int32_t* draw_offset, const float* draw_slack,
                  Index n_draws, float scale, std::uint16_t* nearer);

  /// Sum over i of weight[i] (1 when null) * max(0, now[i] - sq[i]), in double; sets `bit` in nearer[i] where
  /// sq[i] < now[i].
  double (*gain)(const T* sq, const T* now, const T* weight, Index n, std::uint16_t bit, std::uint16_t* nearer);

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
