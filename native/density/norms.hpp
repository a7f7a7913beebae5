// Norms of vectors of targets, for the *.simd.cpp files of this room; see reach.hpp. Compiled without fused
// multiply-adds.
#pragma once
#include "density/reach.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using density::Block;
using density::Norm;
using V = Vec<double>;
using I = IntVec<double>;
inline constexpr int W = lanes_of<double>;
static_assert(W <= density::block_padding);

template <Norm N>
SHOAL_INLINE V add(V sum, V difference, double p) {
  if constexpr (N == Norm::sq_euclidean) return sum + difference * difference;
  if constexpr (N == Norm::manhattan) return sum + absolute(difference);
  if constexpr (N == Norm::chebyshev) return maximum(sum, absolute(difference));
  if constexpr (N == Norm::minkowski) {
    double value[W];
    store(value, difference);
    for (int i = 0; i < W; ++i) value[i] = std::pow(std::fabs(value[i]), p);
    const V power = load<V>(value);
    return sum + power;
  }
}

// Norms of Q queries and the W targets at `target`. D features, or when D is 0 as many as the block has.
template <Norm N, int D, int Q>
SHOAL_INLINE void norms_of(const double* query, Index query_stride, const double* target, Index target_stride,
                           Index n_features, double p, V (&sum)[Q]) {
  const Index d = D ? D : n_features;
  for (int q = 0; q < Q; ++q) sum[q] = V{};
  for (Index f = 0; f < d; ++f) {
    const V t = load<V>(target + f * target_stride);
    for (int q = 0; q < Q; ++q) sum[q] = add<N>(sum[q], broadcast<V>(query[f * query_stride + q]) - t, p);
  }
}

// 0, 1, 2, ... in the lanes.
SHOAL_INLINE I lane_numbers() {
  Int<double> number[W];
  for (int i = 0; i < W; ++i) number[i] = i;
  return load<I>(number);
}
SHOAL_INLINE I ones() {
  return broadcast<I>(Int<double>{1});
}

}  // namespace
}  // namespace shoal::SHOAL_LEVEL
