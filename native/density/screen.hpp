// A quick look at many pairs of points with many features, which leaves few of them to be looked at closely.
//
// In float and in expanded form, |x|^2 / 2 + |y|^2 / 2 - x.y, on data about their mean: one multiply-add per feature
// and pair, twice as many lanes. What rounding can do to it is at most `margin` times (|x|^2 + |y|^2) / 2 (see
// screen_margin), so a pair is within the radius, beyond it, or doubtful; the caller looks at doubtful pairs with
// the direct sum in double (reach.hpp). So the screen changes no result, at any level.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "base/points.hpp"
#include "simd/dispatch.hpp"

namespace shoal::density {

/// n points, feature by feature: point i has feature f at data[f * stride + i], and |x|^2 / 2 at half_norm[i].
/// Precondition: screen_padding values after the last one can be read.
struct ScreenBlock {
  const float* data = nullptr;
  Index stride = 0;
  const float* half_norm = nullptr;
  Index n = 0;
  Index n_features = 0;

  ScreenBlock slice(Index begin, Index end) const {
    return {data + begin, stride, half_norm + begin, end - begin, n_features};
  }
};
inline constexpr Index screen_padding = 64;

/// With u = 2^-24, and h the sum of the two half norms: rounding the features to float moves the result by 4 u h; the
/// sum starts at half the radius less a half norm and is never above 5 h while the radius says anything (2.5 h is
/// beyond any pair's half squared distance by far), so that n_features products and sums move it by 5 n_features u h;
/// norms, radius and comparison by a few u h. Rounded up generously.
inline float screen_margin(Index n_features) {
  return static_cast<float>(n_features + 16) * 0x3p-23f;
}

/// Of up to 64 queries: bit t stands for target t.
using Bits = std::array<std::uint64_t, 64>;

/// One level's kernel.
struct ScreenKernels {
  /// Bit t of within[q]: target t is certainly within; of doubtful[q]: it may be. `half_radius` is half the squared
  /// radius. Returns, as bits, the queries that have either. Precondition: at most 64 queries and 64 targets.
  std::uint64_t (*screen)(const ScreenBlock& queries, const ScreenBlock& targets, float half_radius, float margin,
                          std::uint64_t* within, std::uint64_t* doubtful);
};

/// The kernel of the level in use.
const ScreenKernels& screen_kernels();

/// Asks are_near(query, target) about what is doubtful of `queries`, given as bits.
template <class Near>
void settle(std::uint64_t queries, const Bits& doubtful, Bits& within, Near&& are_near) {
  for (; queries; queries &= queries - 1) {
    const Index q = std::countr_zero(queries);
    for (std::uint64_t bits = doubtful[static_cast<std::size_t>(q)]; bits; bits &= bits - 1) {
      const Index t = std::countr_zero(bits);
      if (are_near(q, t)) within[static_cast<std::size_t>(q)] |= std::uint64_t{1} << t;
    }
  }
}
inline std::uint64_t first_bits(Index n) {
  return n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

}  // namespace shoal::density

namespace shoal {
SHOAL_DECLARE_TABLE(density::ScreenKernels, screen_table)
}  // namespace shoal
