// One step of OPTICS over a block of samples, on vector types; see optics.hpp. Compiled without fused multiply-adds.
#include "density/optics.hpp"

#include "density/norms.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using density::Least;
using density::Visit;
using density::Waiting;

constexpr double infinity = std::numeric_limits<double>::infinity();

// The lanes one by one: for what no vector instruction does, or where the compiler makes one of it.
template <class F>
SHOAL_INLINE V each(V v, F&& f) {
  double lanes[W];
  store(lanes, v);
  for (int i = 0; i < W; ++i) lanes[i] = f(lanes[i]);
  return load<V>(lanes);
}

template <Norm N>
SHOAL_INLINE V distance_of(V norm, const Visit& visit) {
  if constexpr (N == Norm::sq_euclidean) return visit.halved ? norm / 2 : square_root(norm);
  if constexpr (N == Norm::minkowski) return each(norm, [&](double x) { return std::pow(x, 1 / visit.p); });
  return norm;
}

// A norm that no distance below `key` can have, whatever was rounded on the way.
template <Norm N>
SHOAL_INLINE V bound_of(V key, const Visit& visit) {
  const V reach = key * (1 + 1e-14) + 2e-15;
  V bound = reach;
  if constexpr (N == Norm::sq_euclidean) bound = visit.halved ? reach * 2 : reach * reach * (1 + 1e-14);
  if constexpr (N == Norm::minkowski) bound = each(reach, [&](double x) { return std::pow(x, visit.p) * (1 + 1e-12); });
  return minimum(bound, broadcast<V>(visit.bound_limit));
}

// What the lanes have seen so far.
struct State {
  V least;
  I slot;
  V max_bound;
};

// Targets [t, t + U W), or with `Tail` those up to the end of the block: then U is 1.
template <Norm N, int D, int U, bool Tail>
SHOAL_INLINE void relax_some(const Visit& visit, const Block& targets, const Waiting& waiting, Index t, State& state) {
  const I first = lane_numbers() + broadcast<I>(static_cast<Int<double>>(t));
  const auto valid = first < broadcast<I>(static_cast<Int<double>>(targets.n));
  V bound[U], key[U];
  for (int u = 0; u < U; ++u) {
    bound[u] = load<V>(waiting.bound + t + u * W);
    key[u] = load<V>(waiting.key + t + u * W);
    if constexpr (Tail) {
      bound[u] = select(valid, bound[u], broadcast<V>(-1.0));
      key[u] = select(valid, key[u], broadcast<V>(infinity));
    }
  }
  if (visit.query) {
    const V core_norm = broadcast<V>(visit.core_norm);
    V norm[U][1];
    auto found = V{} != V{};
    for (int u = 0; u < U; ++u) {
      norms_of<N, D, 1>(visit.query, 1, targets.data + t + u * W, targets.stride, targets.n_features, visit.p, norm[u]);
      found = found | (maximum(norm[u][0], core_norm) < bound[u]);
    }
    if (any(found)) [[unlikely]] {
      for (int u = 0; u < U; ++u) {
        const auto near = maximum(norm[u][0], core_norm) < bound[u];
        if (!any(near)) continue;
        const V reached = maximum(distance_of<N>(norm[u][0], visit), broadcast<V>(visit.core));
        const V rounded = each(reached * 1e15, [](double x) { return std::nearbyint(x); }) / 1e15;
        const auto better = near & (rounded < key[u]);
        key[u] = select(better, rounded, key[u]);
        bound[u] = select(better, bound_of<N>(rounded, visit), bound[u]);
        const Index at = t + u * W;
        const I from =
            select(better, broadcast<I>(static_cast<Int<double>>(visit.sample)), load<I>(waiting.predecessor + at));
        const auto bytes = static_cast<std::size_t>(Tail ? targets.n - at : W) * sizeof(double);
        std::memcpy(waiting.key + at, &key[u], bytes);
        std::memcpy(waiting.bound + at, &bound[u], bytes);
        std::memcpy(waiting.predecessor + at, &from, bytes);
      }
    }
  }
  for (int u = 0; u < U; ++u) {
    const auto less = key[u] < state.least;
    state.slot = select(less, first + broadcast<I>(static_cast<Int<double>>(u * W)), state.slot);
    state.least = select(less, key[u], state.least);
    state.max_bound = maximum(state.max_bound, bound[u]);
  }
}

template <Norm N, int D>
Least relax(const Visit& visit, const Block& targets, const Waiting& waiting) {
  State state{broadcast<V>(infinity), I{}, broadcast<V>(-1.0)};
  Index t = 0;
  for (; t + 4 * W <= targets.n; t += 4 * W) relax_some<N, D, 4, false>(visit, targets, waiting, t, state);
  for (; t + W <= targets.n; t += W) relax_some<N, D, 1, false>(visit, targets, waiting, t, state);
  if (t < targets.n) relax_some<N, D, 1, true>(visit, targets, waiting, t, state);
  double keys[W], bounds[W];
  Int<double> slots[W];
  store(keys, state.least);
  store(bounds, state.max_bound);
  store(slots, state.slot);
  Least out{keys[0], static_cast<Index>(slots[0]), bounds[0]};
  for (int i = 1; i < W; ++i) {
    if (keys[i] < out.key || (keys[i] == out.key && slots[i] < out.slot)) {
      out.key = keys[i];
      out.slot = static_cast<Index>(slots[i]);
    }
    if (bounds[i] > out.max_bound) out.max_bound = bounds[i];
  }
  return out;
}

#define SHOAL_ROW(N)                               \
  {                                                \
    {relax<N, 1>}, {relax<N, 2>}, {relax<N, 3>}, { \
      relax<N, 0>                                  \
    }                                              \
  }
constexpr density::OpticsTable table = {{SHOAL_ROW(Norm::sq_euclidean), SHOAL_ROW(Norm::manhattan),
                                         SHOAL_ROW(Norm::chebyshev), SHOAL_ROW(Norm::minkowski)}};
#undef SHOAL_ROW

}  // namespace

const density::OpticsTable& optics_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
