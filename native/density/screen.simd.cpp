// The screen on vector types; see screen.hpp.
#include "density/screen.hpp"

#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using density::ScreenBlock;
using F = Vec<float>;
using M = IntVec<float>;
constexpr int W = lanes_of<float>;
static_assert(2 * W <= density::screen_padding);

// Bits of the set lanes.
template <class Mask>
SHOAL_INLINE std::uint64_t bits_of(Mask mask) {
  Int<float> bit[W];
  for (int i = 0; i < W; ++i) bit[i] = Int<float>{1} << i;
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(sum_lanes<Int<float>>(select(mask, load<M>(bit), M{}))));
}

// Q queries against two vectors of targets.
template <int Q>
SHOAL_INLINE void tile(const float* query, Index query_stride, const float* query_norm, const ScreenBlock& targets,
                       Index t, float half_radius, float margin, std::uint64_t* within, std::uint64_t* doubtful) {
  F sum[Q][2];
  for (int q = 0; q < Q; ++q) sum[q][0] = sum[q][1] = F{};
  const float* target = targets.data + t;
  for (Index f = 0; f < targets.n_features; ++f) {
    const F a = load<F>(target);
    const F b = load<F>(target + W);
    for (int q = 0; q < Q; ++q) {
      const F x = broadcast<F>(query[q]);
      sum[q][0] += x * a;
      sum[q][1] += x * b;
    }
    target += targets.stride;
    query += query_stride;
  }
  const F radius = broadcast<F>(half_radius);
  for (int v = 0; v < 2; ++v) {
    if (t + v * W >= targets.n) return;
    const F target_norm = load<F>(targets.half_norm + t + v * W);
    for (int q = 0; q < Q; ++q) {
      const F norms = broadcast<F>(query_norm[q]) + target_norm;
      const F value = norms - sum[q][v];
      const F slack = norms * margin;
      // what is not a number is not beyond
      const auto beyond = value - slack > radius;
      const M may_be = select(beyond, M{}, broadcast<M>(Int<float>{-1}));
      if (!any(may_be != M{})) continue;
      const int shift = static_cast<int>(t) + v * W;
      const std::uint64_t near = bits_of(may_be != M{});
      const std::uint64_t sure = bits_of(value + slack <= radius) & near;
      within[q] |= sure << shift;
      doubtful[q] |= (near & ~sure) << shift;
    }
  }
}

void screen(const ScreenBlock& queries, const ScreenBlock& targets, float half_radius, float margin,
            std::uint64_t* within, std::uint64_t* doubtful) {
  constexpr int most = vector_registers == 32 ? 6 : 4;
  const std::uint64_t valid = targets.n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << targets.n) - 1;
  const Index groups = (queries.n + most - 1) / most;  // of sizes that differ by at most one
  for (Index g = 0; g < groups; ++g) {
    const Index q = g * queries.n / groups;
    const int count = static_cast<int>((g + 1) * queries.n / groups - q);
    for (int i = 0; i < count; ++i) within[q + i] = doubtful[q + i] = 0;
    for (Index t = 0; t < targets.n; t += 2 * W)
      with_constant<most>(count, [&](auto constant) {
        tile<constant()>(queries.data + q, queries.stride, queries.half_norm + q, targets, t, half_radius, margin,
                         within + q, doubtful + q);
      });
    for (int i = 0; i < count; ++i) {
      within[q + i] &= valid;
      doubtful[q + i] &= valid;
    }
  }
}

constexpr density::ScreenKernels table = {screen};

}  // namespace

const density::ScreenKernels& screen_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
