// The nearest cluster of Ward's linkage by products in single precision, on vector types; see kernels.hpp.
#include "hierarchy/kernels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using hierarchy::Nearest;
using hierarchy::WardBlock;
using hierarchy::WardQuery;
using hierarchy::WardValue;
using V = Vec<float>;
constexpr int W = lanes_of<float>;

void nearest_ward(const WardBlock& block, const WardValue& exact, Index begin, Index end, const WardQuery& query,
                  Nearest* best) {
  constexpr int U = 4;
  constexpr double slack = 1 + 1e-6;  // for the rounding of the right-hand side below
  Nearest found = *best;
  // half the squared distance is half_sq - x.c + query.half_sq: near enough where half_sq - x.c is at most this
  const V add = broadcast<V>(block.error / 2 - query.half_sq);
  const V inverse = broadcast<V>(static_cast<float>(query.inverse));
  V limit = broadcast<V>(static_cast<float>(found.second * slack / 2));
  const auto take = [&](Index i, V half) {
    std::uint32_t hits = mask_bits<float>(half <= limit * (load<V>(block.inverses + i) + inverse) + add);
    for (; hits; hits &= hits - 1) {
      const Index at = i + __builtin_ctz(hits);
      const std::int32_t id = block.ids[at];
      if (at >= end || id == query.own || id == hierarchy::no_cluster) continue;
      if (id == found.id) continue;  // what was known already
      const double value = exact.value(exact.clusters, exact.positions ? exact.positions[at] : at, query);
      if (value < found.value || (value == found.value && id < found.id))
        found = {value, id, found.value};
      else if (value < found.second)
        found.second = value;
      else
        continue;
      limit = broadcast<V>(static_cast<float>(found.second * slack / 2));
    }
  };
  Index i = begin;
  for (; i + (U - 1) * W < end; i += U * W) {
    V half[U];
    for (int u = 0; u < U; ++u) half[u] = load<V>(block.half_sq + i + u * W);
    const float* at = block.columns + i;
    for (Index f = 0; f < block.n_features; ++f, at += block.stride) {
      const V value = broadcast<V>(query.center_f32[f]);
      for (int u = 0; u < U; ++u) half[u] -= value * load<V>(at + u * W);
    }
    for (int u = 0; u < U; ++u) take(i + u * W, half[u]);
  }
  for (; i < end; i += W) {
    V half = load<V>(block.half_sq + i);
    const float* at = block.columns + i;
    for (Index f = 0; f < block.n_features; ++f, at += block.stride)
      half -= broadcast<V>(query.center_f32[f]) * load<V>(at);
    take(i, half);
  }
  *best = found;
}

constexpr hierarchy::ScreenKernels table = {nearest_ward};

}  // namespace

const hierarchy::ScreenKernels& linkage_screen() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
