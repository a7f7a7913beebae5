// 8-bit codes of samples, which see of most pairs that they are further apart than a given distance.
//
// A code is a sample rounded to whole steps of one size; it leaves out a rest. In steps, two samples are no nearer than
// their codes less both rests, and the squared distance of two codes is a whole number, known from products of bytes.
// So codes miss no pair; those that may be near enough are looked at by other means.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/dispatch.hpp"

namespace shoal::distance {

/// Samples whose codes stand side by side, four features of each in a word: feature p of sample i is byte
/// code_place(i, p, n_words) of the codes.
inline constexpr Index code_lanes = 16;
inline constexpr Index code_place(Index i, Index p, Index n_words) {
  return ((i / code_lanes * n_words + p / 4) * code_lanes + i % code_lanes) * 4 + p % 4;
}

/// What a code leaves out, and sums over the code, which are exact.
struct CodeSums {
  double rest;       // |value - code|^2, in steps
  std::int32_t sum;  // of the codes
  std::int32_t sq;   // of their squares
};

template <class T>
struct CodeRow {
  /// The codes of one row, (value - low) * per_step rounded, low and per_step being such that it is in [0, 255]: one
  /// word to every code_lanes-th word of `to`. Features behind the last have code 0.
  CodeSums (*of)(const T* row, Index n_features, const T* low, double per_step, std::uint8_t* to);
};

struct ScreenKernel {
  /// Codes are 0 .. n_codes - 1; 0: this level has no products of bytes.
  int n_codes;
  /// Sets bit t of near[i] where offset[i] + query_offset[t] - 2 codes . query t, the squared distance of the codes, is
  /// below (reach[i] + query_slack[t])^2 * scale. Of n_panels * code_lanes samples, n_words words each; queries:
  /// n_words words per query, of codes less n_codes / 2. At most most_queries. Returns the number of bits set.
  Index (*screen)(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset,
                  const float* reach, const std::int8_t* queries, const std::int32_t* query_offset,
                  const float* query_slack, Index n_queries, float scale, std::uint16_t* near);
};
inline constexpr Index most_queries = 16;

/// That of the level in use.
const ScreenKernel& screen_kernel();

/// The codes of n samples: n_features + 12 bytes each.
template <class T>
class Codes {
 public:
  static constexpr Index lanes = code_lanes;

  /// Without samples.
  Codes() = default;
  /// any() is false where there are no codes: at levels without products of bytes, for very many features, and where
  /// all samples are one or lie too far apart for a step.
  Codes(Points<const T> x, Run& run);
  /// The same for samples from low to high, feature by feature, that row(i, scratch) has.
  using Row = std::function<const T*(Index i, T* scratch)>;
  Codes(Index n, std::span<const T> low, std::span<const T> high, const Row& row, Run& run);

  bool any() const { return n_words_ > 0; }
  /// Samples with those that fill up the last panel.
  Index padded() const { return static_cast<Index>(offset_.size()); }
  /// A distance in steps of the code, where it is an ordinary float whatever the unit of the data; rounded up.
  float steps(double distance) const { return static_cast<float>(distance / step_ * (1 + 1e-6)); }
  /// The length of what the code of a sample leaves out, in steps.
  float rest(Index i) const { return rest_[static_cast<std::size_t>(i)]; }

  /// Some samples as the others are compared with them.
  struct Queries {
    std::vector<std::int8_t> codes;
    std::vector<std::int32_t> offset;
    std::vector<float> rest;
  };
  /// Precondition: at most most_queries.
  void take(std::span<const Index> samples, Queries& out) const;

  /// For the samples of panels [first, last): a bit t of near is set where query t may be nearer to the sample than its
  /// reach less its rest(), in steps. Returns how many pairs these are. reach begins at sample 0, near at panel
  /// `first`.
  Index screen(const Queries& queries, Index first, Index last, const float* reach, std::uint16_t* near) const;

 private:
  void encode(Index n, std::span<const T> low, std::span<const T> high, const Row& row, Run& run);

  double step_ = 0;
  Index n_words_ = 0;
  std::vector<std::uint8_t> codes_;
  std::vector<std::int32_t> offset_, sq_;
  std::vector<float> rest_;
};

}  // namespace shoal::distance

namespace shoal {
SHOAL_DECLARE_TABLE(distance::CodeRow<float>, code_row_f32)
SHOAL_DECLARE_TABLE(distance::CodeRow<double>, code_row_f64)
SHOAL_DECLARE_TABLE(distance::ScreenKernel, code_screen)
}  // namespace shoal
