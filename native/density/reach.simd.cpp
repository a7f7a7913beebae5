// Points within reach of each other, on vector types; see reach.hpp. Compiled without fused multiply-adds.
#include "density/reach.hpp"
#include "density/norms.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using density::Reach;

template <Norm N, int D, int Q>
SHOAL_INLINE void count_of(const double* query, Index query_stride, const Block& targets, const Reach& reach,
                           std::int32_t* count) {
  const V radius = broadcast<V>(reach.radius);
  I total[Q];
  for (int q = 0; q < Q; ++q) total[q] = I{};
  Index t = 0;
  V sum[Q];
  for (; t + W <= targets.n; t += W) {
    norms_of<N, D, Q>(query, query_stride, targets.data + t, targets.stride, targets.n_features, reach.p, sum);
    for (int q = 0; q < Q; ++q) total[q] += select(sum[q] <= radius, ones(), I{});
  }
  if (t < targets.n) {
    const I valid = select(lane_numbers() < broadcast<I>(static_cast<Int<double>>(targets.n - t)), ones(), I{});
    norms_of<N, D, Q>(query, query_stride, targets.data + t, targets.stride, targets.n_features, reach.p, sum);
    for (int q = 0; q < Q; ++q) total[q] += select(sum[q] <= radius, valid, I{});
  }
  for (int q = 0; q < Q; ++q) count[q] += static_cast<std::int32_t>(sum_lanes<Int<double>>(total[q]));
}

template <Norm N, int D>
void count(const Block& queries, const Block& targets, const Reach& reach, std::int32_t* out) {
  Index q = 0;
  for (; q + 4 <= queries.n; q += 4) count_of<N, D, 4>(queries.data + q, queries.stride, targets, reach, out + q);
  for (; q < queries.n; ++q) count_of<N, D, 1>(queries.data + q, queries.stride, targets, reach, out + q);
}

template <Norm N, int D, int Q>
SHOAL_INLINE void within_of(const double* query, Index query_stride, const Block& targets, const Reach& reach,
                            std::uint64_t* within) {
  const V radius = broadcast<V>(reach.radius);
  I bits[Q];
  for (int q = 0; q < Q; ++q) bits[q] = I{};
  I bit = ones() << lane_numbers();
  V sum[Q];
  for (Index t = 0; t < targets.n; t += W) {
    norms_of<N, D, Q>(query, query_stride, targets.data + t, targets.stride, targets.n_features, reach.p, sum);
    for (int q = 0; q < Q; ++q) bits[q] |= select(sum[q] <= radius, bit, I{});
    bit = bit << W;
  }
  const std::uint64_t valid = targets.n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << targets.n) - 1;
  for (int q = 0; q < Q; ++q)
    within[q] = static_cast<std::uint64_t>(sum_lanes<Int<double>>(bits[q])) & valid;  // no bit is in two lanes
}

template <Norm N, int D>
void within(const Block& queries, const Block& targets, const Reach& reach, std::uint64_t* out) {
  Index q = 0;
  for (; q + 4 <= queries.n; q += 4) within_of<N, D, 4>(queries.data + q, queries.stride, targets, reach, out + q);
  for (; q < queries.n; ++q) within_of<N, D, 1>(queries.data + q, queries.stride, targets, reach, out + q);
}

template <Norm N, int D>
bool any(const Block& queries, const Block& targets, const Reach& reach) {
  const V radius = broadcast<V>(reach.radius);
  for (Index q = 0; q < queries.n; ++q) {
    auto found = V{} != V{};
    V sum[1];
    Index t = 0;
    for (; t + W <= targets.n; t += W) {
      norms_of<N, D, 1>(queries.data + q, queries.stride, targets.data + t, targets.stride, targets.n_features, reach.p,
                        sum);
      found = found | (sum[0] <= radius);
    }
    if (t < targets.n) {
      norms_of<N, D, 1>(queries.data + q, queries.stride, targets.data + t, targets.stride, targets.n_features, reach.p,
                        sum);
      found = found | ((sum[0] <= radius) & (lane_numbers() < broadcast<I>(static_cast<Int<double>>(targets.n - t))));
    }
    if (shoal::SHOAL_LEVEL::any(found)) return true;
  }
  return false;
}

template <Norm N, int D, int Q>
SHOAL_INLINE void norms_block(const double* query, Index query_stride, const Block& targets, const Reach& reach,
                              double* out, Index out_stride) {
  V sum[Q];
  for (Index t = 0; t < targets.n; t += W) {
    norms_of<N, D, Q>(query, query_stride, targets.data + t, targets.stride, targets.n_features, reach.p, sum);
    for (int q = 0; q < Q; ++q) store(out + q * out_stride + t, sum[q]);
  }
}

template <Norm N, int D>
void norms(const Block& queries, const Block& targets, const Reach& reach, double* out, Index out_stride) {
  Index q = 0;
  for (; q + 4 <= queries.n; q += 4)
    norms_block<N, D, 4>(queries.data + q, queries.stride, targets, reach, out + q * out_stride, out_stride);
  for (; q < queries.n; ++q)
    norms_block<N, D, 1>(queries.data + q, queries.stride, targets, reach, out + q * out_stride, out_stride);
}

template <Norm N, int D>
inline constexpr density::ReachKernels kernels = {count<N, D>, within<N, D>, any<N, D>, norms<N, D>};

#define SHOAL_ROW(N) \
  {kernels<N, 1>, kernels<N, 2>, kernels<N, 3>, kernels<N, 4>, kernels<N, 5>, kernels<N, 6>, kernels<N, 0>}
constexpr density::ReachTable table = {{SHOAL_ROW(Norm::sq_euclidean), SHOAL_ROW(Norm::manhattan),
                                        SHOAL_ROW(Norm::chebyshev), SHOAL_ROW(Norm::minkowski)}};
#undef SHOAL_ROW

}  // namespace

const density::ReachTable& reach_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
