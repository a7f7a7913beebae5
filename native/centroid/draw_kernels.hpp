// The inner loops of greedy k-means++: a few draws against all samples, and what each of them would gain.
#pragma once
#include <cstdint>

#include "base/points.hpp"
#include "distance/tile.hpp"

namespace shoal::centroid {

/// Draws side by side in DrawKernels::product_gains.
inline constexpr Index draw_lanes = 8;

/// Where a step of k-means++ stands, sample by sample.
template <class T>
struct Nearest {
  const T* sq = nullptr;            // squared distance to the nearest centre so far
  const T* weight = nullptr;        // null: one each
  std::uint16_t* nearer = nullptr;  // out: bit t is set where draw t is nearer than that
};

template <class T>
struct DrawKernels {
  /// Squared distances from rows of `samples` to `n_draws` points (row-major): out[c * stride + i].
  void (*distances)(const distance::Samples<T>& samples, const T* draws, Index n_draws, T* out, Index stride);

  /// Sum over i of weight[i] * max(0, to.sq[i] - sq[i]), in double; sets `bit` in to.nearer[i] where sq[i] < to.sq[i].
  double (*gain)(const T* sq, const Nearest<T>& to, Index n, std::uint16_t bit);

  /// The same for one draw and samples feature by feature, feature p of sample i at columns[p * stride + i]: the
  /// fastest way for up to narrow_features.
  Index narrow_features;
  double (*narrow_gain)(const T* columns, Index stride, Index n, Index n_features, const T* draw, const Nearest<T>& to,
                        std::uint16_t bit);

  /// The same for draw_lanes draws at once, whose squared distances are |x|^2 + 2 v, at least 0: v = start[l] - x .
  /// draw l, with feature p of draw l at lanes[p * draw_lanes + l], and |x|^2 in sq_norm. Lanes without a draw start at
  /// +inf. gains[l] += what draw l gains; its bit is first_bit + l. `to` and sq_norm go by the index of `samples` where
  /// there is one.
  void (*product_gains)(const distance::Samples<T>& samples, const T* lanes, const T* start, const T* sq_norm,
                        const Nearest<T>& to, int first_bit, double* gains);
};

/// The table of the level in use.
template <class T>
const DrawKernels<T>& draw_kernels();

}  // namespace shoal::centroid
