// The inner loops of draw_kernels.hpp.
#include <limits>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using centroid::Nearest;
using distance::Samples;
constexpr int draw_lanes = static_cast<int>(centroid::draw_lanes);

template <class T>
SHOAL_INLINE const T* row_of(const Samples<T>& s, Index i) {
  return s.x + (s.index ? static_cast<Index>(s.index[i]) : i) * s.n_features;
}

// Distances of one row to C draws: the row is read once.
template <int C, class T>
SHOAL_INLINE void row_to_draws(const T* row, const T* draws, Index d, T* out, Index stride) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  V sum[C]{};
  Index p = 0;
  for (; p + W <= d; p += W) {
    const V x = load<V>(row + p);
    for (int c = 0; c < C; ++c) {
      const V difference = x - load<V>(draws + c * d + p);
      sum[c] += difference * difference;
    }
  }
  for (int c = 0; c < C; ++c) {
    T total = sum_lanes<T>(sum[c]);
    for (Index q = p; q < d; ++q) {
      const T difference = row[q] - draws[c * d + q];
      total += difference * difference;
    }
    out[c * stride] = total;
  }
}

template <class T>
void distances(const Samples<T>& s, const T* draws, Index n_draws, T* out, Index stride) {
  constexpr int most = 8;
  for (Index i = 0; i < s.n; ++i) {
    const T* row = row_of(s, i);
    for (Index c = 0; c < n_draws; c += most)
      with_constant<most>(static_cast<int>(n_draws - c < most ? n_draws - c : most), [&](auto constant) {
        row_to_draws<constant()>(row, draws + c * s.n_features, s.n_features, out + c * stride + i, stride);
      });
  }
}

// Sums in double of W values of T, lane by lane. Several vectors rather than one wide one, which compilers keep in
// memory.
template <class T, int W>
struct Sums {
  static constexpr int own = lanes_of<double> < W ? lanes_of<double> : W;
  using Doubles = Vec<double, own>;
  Doubles sum[W / own]{};

  // `weights` are those of the lanes, or null
  template <class V>
  SHOAL_INLINE void add(V values, const T* weights) {
    Vec<T, own> part[W / own];
    std::memcpy(part, &values, sizeof(values));
    for (int v = 0; v < W / own; ++v) {
      Doubles value = converted<Doubles>(part[v]);
      if (weights) value *= converted<Doubles>(load<Vec<T, own>>(weights + v * own));
      sum[v] += value;
    }
  }
};

// distance(i) are those of one vector of samples from i on, or of one sample.
template <class T, class Vectors, class Values>
SHOAL_INLINE double gain_of(const Nearest<T>& to, Index n, std::uint16_t bit, Vectors&& vector, Values&& value) {
  constexpr int W = lanes_of<T>;
  Index i = 0;
  double total = 0;
  if constexpr (W > 1) {
    using V = Vec<T>;
    using Bits = typename VecOf<std::int16_t, W>::type;
    Sums<T, W> sums;
    const Bits set = static_cast<std::int16_t>(bit) - Bits{};
    for (; i + W <= n; i += W) {
      const V gained = load<V>(to.sq + i) - vector(i);
      const auto is_nearer = gained > V{};
      if (!any(is_nearer)) continue;
      sums.add(select(is_nearer, gained, V{}), to.weight ? to.weight + i : nullptr);
      std::uint16_t* bits = to.nearer + i;
      store(bits, load<Bits>(bits) | (__builtin_convertvector(is_nearer, Bits) & set));
    }
    double each[W];
    std::memcpy(each, sums.sum, sizeof(each));
    for (int l = 0; l < W; ++l) total += each[l];
  }
  for (; i < n; ++i) {
    const T sq = value(i);
    if (!(sq < to.sq[i])) continue;
    to.nearer[i] = static_cast<std::uint16_t>(to.nearer[i] | bit);
    total += (static_cast<double>(to.sq[i]) - static_cast<double>(sq)) *
             (to.weight ? static_cast<double>(to.weight[i]) : 1.0);
  }
  return total;
}

template <class T>
double gain(const T* sq, const Nearest<T>& to, Index n, std::uint16_t bit) {
  return gain_of<T>(to, n, bit, [&](Index i) { return load<Vec<T>>(sq + i); }, [&](Index i) { return sq[i]; });
}

// D features; 0: d.
template <int D, class T>
SHOAL_INLINE double narrow_gain_of(const T* columns, Index stride, Index n, Index d, const T* draw,
                                   const Nearest<T>& to, std::uint16_t bit) {
  const auto sq_dist = [&](auto sum, Index i, auto&& load_at) {
    for (Index p = 0; p < (D > 0 ? D : d); ++p) {
      const auto difference = load_at(columns + p * stride + i) - draw[p];
      sum += difference * difference;
    }
    return sum;
  };
  return gain_of<T>(
      to, n, bit, [&](Index i) { return sq_dist(Vec<T>{}, i, [](const T* from) { return load<Vec<T>>(from); }); },
      [&](Index i) { return sq_dist(T{0}, i, [](const T* from) { return *from; }); });
}

template <class T>
double narrow_gain(const T* columns, Index stride, Index n, Index d, const T* draw, const Nearest<T>& to,
                   std::uint16_t bit) {
  if (d == 2) return narrow_gain_of<2>(columns, stride, n, d, draw, to, bit);
  if (d == 3) return narrow_gain_of<3>(columns, stride, n, d, draw, to, bit);
  return narrow_gain_of<0>(columns, stride, n, d, draw, to, bit);
}

// R rows against N vectors of draws, half as wide as they could be where vectors are wide: there are seldom more than
// eight draws. `next` are the rows of the following call: their lines are asked for while these are worked on.
template <int R, int N, class T, class V>
SHOAL_INLINE void rows_to_lanes(const T* const (&row)[R], const T* const (&next)[R], const T* lanes, const T* start,
                                Index d, V (&sum)[R][N]) {
  constexpr int W = static_cast<int>(sizeof(V) / sizeof(T));
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < N; ++v) sum[r][v] = load<V>(start + v * W);
  for (Index from = 0; from < d; from += line) {
    for (int r = 0; r < R; ++r) __builtin_prefetch(next[r] + from);
    const Index to = from + line < d ? from + line : d;
    for (Index p = from; p < to; ++p) {
      V c[N];
      for (int v = 0; v < N; ++v) c[v] = load<V>(lanes + p * draw_lanes + v * W);
      for (int r = 0; r < R; ++r) {
        const V x = broadcast<V>(row[r][p]);
        for (int v = 0; v < N; ++v) sum[r][v] = sum[r][v] - x * c[v];
      }
    }
  }
}

// product_gains for the draws in the first N vectors of lanes.
template <int N, class T>
SHOAL_INLINE void gains_of_lanes(const Samples<T>& s, const T* lanes, const T* start, const T* sq_norm,
                                 const Nearest<T>& to, int first_bit, double* gains) {
  constexpr int W = lanes_of<T> < draw_lanes ? lanes_of<T> : draw_lanes;
  constexpr int R = N == 1 ? 8 : N == 2 ? 6 : 2;
  using V = Vec<T, W>;
  Sums<T, W> sums[N];
  const auto row_at = [&](Index i) { return row_of(s, i < s.n ? i : s.n - 1); };
  for (Index i = 0; i < s.n; i += R) {
    const T* row[R];
    const T* next[R];
    for (int r = 0; r < R; ++r) {
      row[r] = row_at(i + r);
      next[r] = row_at(i + R + r);
    }
    V value[R][N];
    rows_to_lanes<R, N, T>(row, next, lanes, start, s.n_features, value);
    const int count = s.n - i < R ? static_cast<int>(s.n - i) : R;
    for (int r = 0; r < count; ++r) {
      const Index at = s.index ? static_cast<Index>(s.index[i + r]) : i + r;
      const V norm = broadcast<V>(sq_norm[at]);
      const V now = broadcast<V>(to.sq[at]);
      std::uint32_t bits = 0;
      V gained[N];
      for (int v = 0; v < N; ++v) {
        gained[v] = now - maximum(norm + 2 * value[r][v], V{});
        bits |= mask_bits<T>(gained[v] > V{}) << (v * W);
      }
      if (!bits) continue;
      to.nearer[at] = static_cast<std::uint16_t>(to.nearer[at] | bits << first_bit);
      T weights[W];
      if (to.weight)
        for (int l = 0; l < W; ++l) weights[l] = to.weight[at];
      for (int v = 0; v < N; ++v) sums[v].add(maximum(gained[v], V{}), to.weight ? weights : nullptr);
    }
  }
  for (int v = 0; v < N; ++v) {
    double each[W];
    std::memcpy(each, sums[v].sum, sizeof(each));
    for (int l = 0; l < W; ++l) gains[v * W + l] += each[l];
  }
}

template <class T>
void product_gains(const Samples<T>& s, const T* lanes, const T* start, const T* sq_norm, const Nearest<T>& to,
                   int first_bit, double* gains) {
  constexpr int W = lanes_of<T> < draw_lanes ? lanes_of<T> : draw_lanes;
  constexpr int N = draw_lanes / W;
  if constexpr (N > 1)
    if (start[draw_lanes / 2] == std::numeric_limits<T>::infinity())
      return gains_of_lanes<N / 2>(s, lanes, start, sq_norm, to, first_bit, gains);
  gains_of_lanes<N>(s, lanes, start, sq_norm, to, first_bit, gains);
}

template <class T>
inline constexpr centroid::DrawKernels<T> table = {distances<T>, gain<T>, lanes_of<T> > 7 ? lanes_of<T> : 7,
                                                   narrow_gain<T>, product_gains<T>};

}  // namespace

const centroid::DrawKernels<float>& draw_kernels_f32() {
  return table<float>;
}
const centroid::DrawKernels<double>& draw_kernels_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
