// Distances from one sample to the children of a node, on vector types; see birch.hpp. Compiled without fused
// multiply-adds, so that a distance has the same bits at every level.
#include "hierarchy/birch.hpp"

#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

constexpr int W = lanes_of<double>;
using V = Vec<double>;
using I = IntVec<double>;

// U vectors of children from `at` on.
template <int U>
SHOAL_INLINE void distances(const double* x, Index n_features, const double* mean, Index stride, Index at,
                            V (&sum)[U]) {
  for (int u = 0; u < U; ++u) sum[u] = V{};
  for (Index p = 0; p < n_features; ++p) {
    const V own = broadcast<V>(x[p]);
    for (int u = 0; u < U; ++u) {
      const V difference = load<V>(mean + p * stride + at + u * W) - own;
      sum[u] += difference * difference;
    }
  }
}

// Calls f(at, distances of the vectors from `at` on) until all children have been seen.
template <class F>
SHOAL_INLINE void for_children(const double* x, Index n_features, const double* mean, Index stride, Index count,
                               F&& f) {
  Index at = 0;
  for (; at + 3 * W < count; at += 4 * W) {
    V sum[4];
    distances<4>(x, n_features, mean, stride, at, sum);
    for (int u = 0; u < 4; ++u) f(at + u * W, sum[u]);
  }
  for (; at + W < count; at += 2 * W) {
    V sum[2];
    distances<2>(x, n_features, mean, stride, at, sum);
    for (int u = 0; u < 2; ++u) f(at + u * W, sum[u]);
  }
  if (at < count) {
    V sum[1];
    distances<1>(x, n_features, mean, stride, at, sum);
    f(at, sum[0]);
  }
}

Index nearest(const double* x, Index n_features, const double* mean, Index stride, Index count, double* sq_dist) {
  V best = broadcast<V>(std::numeric_limits<double>::infinity());
  Int<double> number[W];
  for (int i = 0; i < W; ++i) number[i] = i;
  const I lanes = load<I>(number);
  I place{};
  for_children(x, n_features, mean, stride, count, [&](Index at, V value) {
    const I children = lanes + broadcast<I>(static_cast<Int<double>>(at));
    const auto less = (value < best) & (children < broadcast<I>(static_cast<Int<double>>(count)));
    place = select(less, children, place);
    best = select(less, value, best);
  });
  double value = lane<double>(best, 0);
  auto entry = lane<Int<double>>(place, 0);
  for (int i = 1; i < W; ++i) {
    const double next = lane<double>(best, i);
    const auto at = lane<Int<double>>(place, i);
    if (next < value || (next == value && at < entry)) {
      value = next;
      entry = at;
    }
  }
  *sq_dist = value;
  return static_cast<Index>(entry);
}

void sq_distances(const double* x, Index n_features, const double* mean, Index stride, Index count, double* out) {
  for_children(x, n_features, mean, stride, count, [&](Index at, V value) { store(out + at, value); });
}

constexpr hierarchy::BirchKernels table = {nearest, sq_distances};

}  // namespace

const hierarchy::BirchKernels& birch_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
