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

/// Screening by 8-bit codes, code_lanes samples side by side, four features of each in a word: codes has n_words *
/// code_lanes words per panel.
struct ScreenKernel {
  /// Codes are 0 .. n_codes - 1; 0: screening does not pay at this level.
  int n_codes;
  /// Sets bit t of nearer[i] where offset[i] + draw_offset[t] - 2 codes . draw t, the squared distance of the codes,
  /// is below (root[i] + draw_slack[t])^2 * scale; all other (i, t) cannot be nearer. draws: n_words words per draw, of
  /// codes less n_codes / 2. At most 16 draws. Returns the number of bits set.
  Index (*screen)(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset,
                  const float* root, const std::int8_t* draws, const std::int32_t* draw_offset, const float* draw_slack,
                  Index n_draws, float scale, std::uint16_t* nearer);
};
const ScreenKernel& screen_kernel();

}  // namespace shoal::centroid
