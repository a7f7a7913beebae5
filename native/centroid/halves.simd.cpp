// Two sides of a set of samples, on vector types; see halves.hpp.
#include "centroid/halves.hpp"

#include <bit>
#include <limits>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using centroid::Margins;
using centroid::PanelsOf;

template <class T>
using Bytes = typename VecOf<std::int8_t, lanes_of<T>>::type;
// Doubles in a register, and as many values of T: sums are taken in such pieces.
inline constexpr int piece = lanes_of<double>;

// Products of one vector of samples with delta. Four partial sums hide the latency of a multiply-add.
template <class T>
SHOAL_INLINE Vec<T> product(const T* panel, Index lanes, const T* delta, Index d) {
  using V = Vec<T>;
  V sum[4]{};
  Index p = 0;
  for (; p + 4 <= d; p += 4)
    for (int u = 0; u < 4; ++u) sum[u] += load<V>(panel + (p + u) * lanes) * broadcast<V>(delta[p + u]);
  for (; p < d; ++p) sum[0] += load<V>(panel + p * lanes) * broadcast<V>(delta[p]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// 1 in the lanes on side 1, else 0.
template <class T>
SHOAL_INLINE IntVec<T> side_of(Vec<T> product, T threshold) {
  using I = IntVec<T>;
  return select(product > broadcast<Vec<T>>(threshold), broadcast<I>(Int<T>{1}), I{});
}

template <class T>
SHOAL_INLINE IntVec<T> load_sides(const std::uint8_t* side) {
  return converted<IntVec<T>>(load<Bytes<T>>(reinterpret_cast<const std::int8_t*>(side)));
}
template <class T>
SHOAL_INLINE void store_sides(std::uint8_t* side, IntVec<T> value) {
  store(side, converted<Bytes<T>>(value));
}

// 1 in the first n lanes, else 0.
template <class T>
SHOAL_INLINE IntVec<T> first_lanes(Index n) {
  using I = IntVec<T>;
  if constexpr (lanes_of<T> == 1) {
    return n > 0 ? 1 : 0;
  } else {
    if (n >= lanes_of<T>) return broadcast<I>(Int<T>{1});
    I out{};
    for (int i = 0; i < lanes_of<T>; ++i) out[i] = i < n ? 1 : 0;
    return out;
  }
}

// Calls body(panel, first sample, features of the vector at panel + p * lanes) for every vector of samples.
template <class T, class Body>
SHOAL_INLINE void for_vectors(const PanelsOf<T>& x, Body&& body) {
  constexpr int W = lanes_of<T>;
  for (Index first = 0; first < x.n; first += x.lanes) {
    const T* panel = x.data + first * x.n_features;
    for (Index at = 0; at < x.lanes && first + at < x.n; at += W) body(panel + at, first + at);
  }
}

// sign * weight, in double.
template <class T>
SHOAL_INLINE void factors(IntVec<T> sign, const T* weight, double (&factor)[lanes_of<T>]) {
  using V = Vec<T>;
  alignas(64) T value[lanes_of<T>];
  store(value, weight ? converted<V>(sign) * load<V>(weight) : converted<V>(sign));
  for (int at = 0; at < lanes_of<T>; at += piece)
    store(factor + at, converted<Vec<double>>(load<Vec<T, piece>>(value + at)));
}

// Adds sign * weight * sample to `lane_sums`: lanes_of<T> doubles for each of the sums. With `Squares`, their squared
// norms too; returns the largest of these.
template <bool Squares, class T>
SHOAL_INLINE double add_vector(const T* panel, Index lanes, Index d, IntVec<T> sign, const T* weight,
                               double* lane_sums) {
  using D = Vec<double>;
  constexpr int W = lanes_of<T>;
  alignas(64) double factor[W];
  factors<T>(sign, weight, factor);
  D largest{};
  for (int at = 0; at < W; at += piece) {
    const D f = load<D>(factor + at);
    D squares{};
    double* to = lane_sums + at;
    for (Index p = 0; p < d; ++p, to += W) {
      const D value = converted<D>(load<Vec<T, piece>>(panel + p * lanes + at));
      store(to, load<D>(to) + f * value);
      if constexpr (Squares) squares += value * value;
    }
    store(to, load<D>(to) + f);
    to += W;
    const D one = broadcast<D>(1.0);
    const D none{};
    store(to, load<D>(to) + (select(f > none, one, none) - select(f < none, one, none)));
    if constexpr (Squares) {
      to += W;
      store(to, load<D>(to) + f * squares);
      largest = maximum(largest, squares);
    }
  }
  double out = 0;
  if constexpr (Squares)
    for (int i = 0; i < piece; ++i) out = lane<double>(largest, i) > out ? lane<double>(largest, i) : out;
  return out;
}

template <class T>
Index scratch_size(Index d) {
  return (d + centroid::extra_sums) * lanes_of<T>;
}
template <class T>
SHOAL_INLINE void clear(double* lane_sums, Index d) {
  std::memset(lane_sums, 0, static_cast<std::size_t>(scratch_size<T>(d)) * sizeof(double));
}

// Adds up the lanes.
template <class T>
SHOAL_INLINE void collect(const double* lane_sums, Index d, double* sums) {
  using D = Vec<double>;
  for (Index p = 0; p < d + centroid::extra_sums; ++p) {
    const double* from = lane_sums + p * lanes_of<T>;
    D total = load<D>(from);
    for (int at = piece; at < lanes_of<T>; at += piece) total += load<D>(from + at);
    sums[p] += sum_lanes<double>(total);
  }
}

template <class T>
void decide(const PanelsOf<T>& x, const T* delta, T threshold, std::uint8_t* side) {
  for_vectors(x, [&](const T* panel, Index first) {
    store_sides<T>(side + first, side_of<T>(product(panel, x.lanes, delta, x.n_features), threshold));
  });
}

template <class T>
Index redecide(const PanelsOf<T>& x, const T* delta, T threshold, const Margins& margins, const T* weight,
               std::uint8_t* side, double* sums, double* scratch) {
  constexpr int W = lanes_of<T>;
  constexpr double tiny = 1e-15;  // what rounding does to a reach
  const Index d = x.n_features;
  Index changed = 0;
  for_vectors(x, [&](const T* panel, Index first) {
    const Index v = first / W;
    const double reach = margins.radius[v] * margins.moved + margins.shifted;
    if (margins.until[v] > reach * (1 + tiny)) return;
    const Vec<T> value = product(panel, x.lanes, delta, d);
    const T least = least_lane<T>(absolute(value - broadcast<Vec<T>>(threshold)));
    margins.until[v] = reach * (1 - tiny) + static_cast<double>(least * (1 - 4 * std::numeric_limits<T>::epsilon())) -
                       (margins.rounding * margins.radius[v] + margins.underflow);
    const IntVec<T> now = side_of<T>(value, threshold);
    const IntVec<T> sign = (now - load_sides<T>(side + first)) * first_lanes<T>(x.n - first);
    if (!any(sign != IntVec<T>{})) return;
    store_sides<T>(side + first, now);
    if (changed == 0) clear<T>(scratch, d);
    changed += std::popcount(mask_bits<Int<T>>(sign != IntVec<T>{}));
    add_vector<false>(panel, x.lanes, d, sign, weight ? weight + first : nullptr, scratch);
  });
  if (changed) collect<T>(scratch, d, sums);
  return changed;
}

template <class T>
void moments(const PanelsOf<T>& x, const T* weight, double* sums, double* largest, double* scratch) {
  const Index d = x.n_features;
  clear<T>(scratch, d);
  for_vectors(x, [&](const T* panel, Index first) {
    largest[first / lanes_of<T>] =
        add_vector<true>(panel, x.lanes, d, first_lanes<T>(x.n - first), weight ? weight + first : nullptr, scratch);
  });
  collect<T>(scratch, d, sums);
}

template <class T>
void add_side(const PanelsOf<T>& x, const T* weight, const std::uint8_t* side, std::uint8_t which, double* sums,
              double* scratch) {
  using I = IntVec<T>;
  const Index d = x.n_features;
  clear<T>(scratch, d);
  for_vectors(x, [&](const T* panel, Index first) {
    const auto on = load_sides<T>(side + first) == broadcast<I>(static_cast<Int<T>>(which));
    const I sign = select(on, broadcast<I>(Int<T>{1}), I{}) * first_lanes<T>(x.n - first);
    if (!any(sign != I{})) return;
    add_vector<false>(panel, x.lanes, d, sign, weight ? weight + first : nullptr, scratch);
  });
  collect<T>(scratch, d, sums);
}

template <class T>
void inertia(const PanelsOf<T>& x, const T* const centers[2], const T* weight, const std::uint8_t* side,
             double out[2]) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  for_vectors(x, [&](const T* panel, Index first) {
    const auto right = load_sides<T>(side + first) != IntVec<T>{};
    V sum{};
    for (Index p = 0; p < x.n_features; ++p) {
      const V center = select(right, broadcast<V>(centers[1][p]), broadcast<V>(centers[0][p]));
      const V difference = load<V>(panel + p * x.lanes) - center;
      sum += difference * difference;
    }
    for (int i = 0; i < W && first + i < x.n; ++i)
      out[side[first + i]] +=
          static_cast<double>(lane<T>(sum, i)) * (weight ? static_cast<double>(weight[first + i]) : 1.0);
  });
}

template <class T>
void sq_distances(const PanelsOf<T>& x, const T* point, T* out) {
  using V = Vec<T>;
  for_vectors(x, [&](const T* panel, Index first) {
    V sum{};
    for (Index p = 0; p < x.n_features; ++p) {
      const V difference = load<V>(panel + p * x.lanes) - broadcast<V>(point[p]);
      sum += difference * difference;
    }
    store(out + first, sum);
  });
}

template <class T>
inline constexpr centroid::HalvesKernels<T> table = {lanes_of<T>, decide<T>,   redecide<T>, scratch_size<T>,
                                                     moments<T>,  add_side<T>, inertia<T>,  sq_distances<T>};

}  // namespace

const centroid::HalvesKernels<float>& halves_f32() {
  return table<float>;
}
const centroid::HalvesKernels<double>& halves_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
