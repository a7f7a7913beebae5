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

// Bit i is set where lane i of v, no lane of which is -0, is below zero.
SHOAL_INLINE std::uint64_t below_zero(F v) {
#if defined(__x86_64__) && !defined(SHOAL_LEVEL_scalar)
  return mask_bits<float>((M)v);  // signs as they are: a comparison takes two instructions more
#else
  return mask_bits<float>(v < F{});
#endif
}

// Q queries against two vectors of targets. A sum starts at what the query brings to "x.y reaches half norms less half
// radius", so that one comparison per vector with what the targets bring says what is not beyond.
template <int Q>
SHOAL_INLINE void tile(const float* query, Index query_stride, const float* query_norm, const ScreenBlock& targets,
                       Index t, float half_radius, float margin, std::uint64_t* within, std::uint64_t* doubtful) {
  const float less = 1 - margin;
  F sum[Q][2];
  for (int q = 0; q < Q; ++q) sum[q][0] = sum[q][1] = broadcast<F>(half_radius - query_norm[q] * less);
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
  const F norm[2] = {load<F>(targets.half_norm + t), load<F>(targets.half_norm + t + W)};
  const F least[2] = {norm[0] * broadcast<F>(less), norm[1] * broadcast<F>(less)};
  constexpr std::uint64_t all = (std::uint64_t{1} << 2 * W) - 1;
  for (int q = 0; q < Q; ++q) {
    const F over[2] = {sum[q][0] - least[0], sum[q][1] - least[1]};
    const std::uint64_t beyond = below_zero(over[0]) | below_zero(over[1]) << W;
    if (beyond == all) continue;
    std::uint64_t unsure = 0;
    for (int v = 0; v < 2; ++v) {
      const F slack = (broadcast<F>(query_norm[q]) + norm[v]) * broadcast<F>(2 * margin);
      unsure |= below_zero(over[v] - slack) << v * W;
    }
    within[q] |= (all & ~unsure) << t;  // slack is not negative: what is sure is not beyond
    doubtful[q] |= (unsure & ~beyond) << t;
  }
}

SHOAL_INLINE void prefetch(const float* begin, const float* end) {
  for (; begin < end; begin += 64 / sizeof(float)) __builtin_prefetch(begin);
}

std::uint64_t screen(const ScreenBlock& queries, const ScreenBlock& targets, float half_radius, float margin,
                     std::uint64_t* within, std::uint64_t* doubtful) {
  constexpr int most = vector_registers == 32 ? 8 : 4;
  const std::uint64_t valid = targets.n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << targets.n) - 1;
  // the next block is often looked at next, and comes while this one keeps the processor busy
  const float* next = targets.data + targets.stride * targets.n_features;
  const Index values = targets.stride * targets.n_features;
  const Index groups = (queries.n + most - 1) / most;  // of sizes that differ by at most one
  std::uint64_t near = 0;
  for (Index g = 0; g < groups; ++g) {
    const Index q = g * queries.n / groups;
    const int count = static_cast<int>((g + 1) * queries.n / groups - q);
    prefetch(next + g * values / groups, next + (g + 1) * values / groups);
    for (int i = 0; i < count; ++i) within[q + i] = doubtful[q + i] = 0;
    for (Index t = 0; t < targets.n; t += 2 * W)
      with_constant<most>(count, [&](auto constant) {
        tile<constant()>(queries.data + q, queries.stride, queries.half_norm + q, targets, t, half_radius, margin,
                         within + q, doubtful + q);
      });
    for (int i = 0; i < count; ++i) {
      within[q + i] &= valid;
      doubtful[q + i] &= valid;
      near |= static_cast<std::uint64_t>((within[q + i] | doubtful[q + i]) != 0) << (q + i);
    }
  }
  return near;
}

constexpr density::ScreenKernels table = {screen};

}  // namespace

const density::ScreenKernels& screen_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
