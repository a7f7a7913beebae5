// Gaussian densities and the sums of the M step on vector types; see density.hpp for what they compute and promise.
//
// Products per sample and component are counted in multiply-adds: `full` d (d + 1) / 2 for the density and as many for
// the second moments (upper triangle only), which is all the arithmetic there is but for about 20 steps of exp.
// Moments keep 16 (8 where there are 16 registers) accumulators, one lane per sample, over a block of panels; at the
// end of the block their lanes are summed by a transposing tree and added to doubles.
#include <algorithm>
#include <limits>

#include "mixture/density.hpp"
#include "mixture/levels.hpp"
#include "simd/elementary.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using mixture::Components;
using mixture::Covariance;

// A panel is that of the distance tile, which packs it.
template <class T>
inline constexpr int n_vectors = vector_bytes == 0 ? 4 : 2;
template <class T>
inline constexpr int panel_lanes = n_vectors<T> * lanes_of<T>;
inline constexpr int group_size = vector_registers >= 32 && vector_bytes > 0 ? 8 : 4;

// --- densities ----------------------------------------------------------------------------------------------

// Sum of the squares of the columns of x F - shift, F upper triangular in strips of up to group_size columns; or,
// when `out` is given, the columns themselves. A strip of C columns from j0 on: rows 0..j0-1 of C values, then the
// triangle's rows, of C, C-1, ..., 1 values.
template <bool Write, class T>
SHOAL_INLINE void triangle(const T* panel, const T* factor, const T* shift, Index d, Vec<T>* square, T* out) {
  using V = Vec<T>;
  constexpr int N = n_vectors<T>;
  constexpr int W = lanes_of<T>;
  constexpr int L = panel_lanes<T>;
  for (Index j0 = 0; j0 < d; j0 += group_size) {
    with_constant<group_size>(static_cast<int>(std::min<Index>(group_size, d - j0)), [&](auto constant) {
      constexpr int C = constant;
      V sum[C][N];
      for (int c = 0; c < C; ++c)
        for (int v = 0; v < N; ++v) sum[c][v] = shift ? -broadcast<V>(shift[j0 + c]) : V{};
      const T* x = panel;
      for (Index i = 0; i < j0; ++i, x += L, factor += C) {
        V value[N];
        for (int v = 0; v < N; ++v) value[v] = load<V>(x + v * W);
        for (int c = 0; c < C; ++c) {
          const V f = broadcast<V>(factor[c]);
          for (int v = 0; v < N; ++v) sum[c][v] += value[v] * f;
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < C; ++i, x += L) {
        V value[N];
        for (int v = 0; v < N; ++v) value[v] = load<V>(x + v * W);
#pragma GCC unroll 8
        for (int c = i; c < C; ++c) {
          const V f = broadcast<V>(*factor++);
          for (int v = 0; v < N; ++v) sum[c][v] += value[v] * f;
        }
      }
      for (int c = 0; c < C; ++c)
        for (int v = 0; v < N; ++v)
          if constexpr (Write)
            store(out + (j0 + c) * L + v * W, sum[c][v]);
          else
            square[v] += sum[c][v] * sum[c][v];
    });
  }
}

template <class T>
SHOAL_INLINE void subtract(const T* panel, const T* mean, Index d, T* out) {
  using V = Vec<T>;
  for (Index p = 0; p < d; ++p)
    for (int v = 0; v < panel_lanes<T>; v += lanes_of<T>)
      store(out + p * panel_lanes<T> + v, load<V>(panel + p * panel_lanes<T> + v) - broadcast<V>(mean[p]));
}

template <class T>
SHOAL_INLINE void put_density(const Components<T>& k, Index c, const Vec<T>* square, T* density) {
  using V = Vec<T>;
  for (int v = 0; v < n_vectors<T>; ++v)
    store(density + c * panel_lanes<T> + v * lanes_of<T>,
          broadcast<V>(k.offset[static_cast<std::size_t>(c)]) -
              square[v] * broadcast<V>(k.half[static_cast<std::size_t>(c)]));
}

template <class T>
void full_panel(const T* panel, const Components<T>& k, T* density, T* scratch) {
  const Index d = k.n_features;
  const Index size = d * (d + 1) / 2;
  for (Index c = 0; c < k.n_components; ++c) {
    Vec<T> square[n_vectors<T>]{};
    const T* x = panel;
    const T* shift = k.shift.data() + c * d;
    if (k.apart) {
      subtract(panel, k.mean.data() + c * d, d, scratch);
      x = scratch;
      shift = nullptr;
    }
    triangle<false>(x, k.factor.data() + c * size, shift, d, square, scratch);
    put_density(k, c, square, density);
  }
}

// Squared differences from a group's means, feature by feature, scaled by its factors where Scaled.
template <bool Scaled, class T>
void group_panel(const T* panel, const Components<T>& k, T* density) {
  using V = Vec<T>;
  constexpr int N = n_vectors<T>;
  constexpr int W = lanes_of<T>;
  const Index d = k.n_features;
  for (Index first = 0; first < k.n_components; first += group_size) {
    with_constant<group_size>(static_cast<int>(std::min<Index>(group_size, k.n_components - first)),
                              [&](auto constant) {
                                constexpr int C = constant;
                                const T* shift = k.shift.data() + first * d;
                                const T* factor = Scaled ? k.factor.data() + first * d : nullptr;
                                const T* x = panel;
                                V sum[C][N];
                                for (int c = 0; c < C; ++c)
                                  for (int v = 0; v < N; ++v) sum[c][v] = V{};
                                for (Index p = 0; p < d; ++p, x += panel_lanes<T>, shift += C) {
                                  V value[N];
                                  for (int v = 0; v < N; ++v) value[v] = load<V>(x + v * W);
                                  for (int c = 0; c < C; ++c)
                                    for (int v = 0; v < N; ++v) {
                                      V difference;
                                      if constexpr (Scaled)
                                        difference = value[v] * broadcast<V>(factor[c]) - broadcast<V>(shift[c]);
                                      else
                                        difference = value[v] - broadcast<V>(shift[c]);
                                      sum[c][v] += difference * difference;
                                    }
                                  if constexpr (Scaled) factor += C;
                                }
                                for (int c = 0; c < C; ++c) put_density(k, first + c, sum[c], density);
                              });
  }
}

template <class T>
void log_density(const T* panels, Index n_panels, const Components<T>& k, T* density, T* scratch, const T* ahead,
                 const T* ahead_end) {
  const Index d = k.n_features;
  for (Index panel = 0; panel < n_panels; ++panel) {
    // the next block's samples arrive while this one is worked on, a few lines per panel
    const Index values = ahead_end - ahead;
    const T* until = ahead + values * (panel + 1) / n_panels;
    for (const T* p = ahead + values * panel / n_panels; p < until; p += 64 / sizeof(T)) __builtin_prefetch(p, 0, 2);
    switch (k.type) {
      case Covariance::full:
        full_panel(panels, k, density, scratch);
        break;
      case Covariance::tied:
        triangle<true>(panels, k.factor.data(), static_cast<const T*>(nullptr), d, static_cast<Vec<T>*>(nullptr),
                       scratch);
        group_panel<false>(scratch, k, density);
        break;
      case Covariance::diag:
        group_panel<true>(panels, k, density);
        break;
      case Covariance::spherical:
        group_panel<false>(panels, k, density);
        break;
    }
    panels += panel_lanes<T> * d;
    density += panel_lanes<T> * k.n_components;
  }
}

// --- log-sum-exp --------------------------------------------------------------------------------------------

// The largest of a column of densities; finite, so that nothing minus it is NaN.
template <class T>
SHOAL_INLINE Vec<T> largest(const T* column, Index k) {
  using V = Vec<T>;
  V best = broadcast<V>(std::numeric_limits<T>::lowest());
  for (Index c = 0; c < k; ++c) best = maximum(load<V>(column + c * panel_lanes<T>), best);
  return best;
}

template <class T>
void normalize(T* density, Index n_panels, Index k, const T* weight, T* log_sum, T* entropy) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  const V least = broadcast<V>(detail::Elementary<T>::least_exp);
  for (Index panel = 0; panel < n_panels; ++panel, density += panel_lanes<T> * k)
    for (int at = 0; at < panel_lanes<T>; at += W) {
      T* column = density + at;
      const V best = largest(column, k);
      V sum{};
      V moment{};
      for (Index c = 0; c < k; ++c) {
        const V t = load<V>(column + c * panel_lanes<T>) - best;
        const V e = exponential<T, lanes_of<T>, true>(t);
        sum += e;
        moment += e * maximum(t, least);
        store(column + c * panel_lanes<T>, e);
      }
      // a sample infinitely far from every component has a sum of 0 and belongs to none
      const auto somewhere = sum > V{};
      sum = maximum(sum, broadcast<V>(std::numeric_limits<T>::min()));
      const V log_of_sum = logarithm<T>(sum);
      const V scale = select(somewhere, load<V>(weight + panel * panel_lanes<T> + at) / sum, V{});
      for (Index c = 0; c < k; ++c) store(column + c * panel_lanes<T>, load<V>(column + c * panel_lanes<T>) * scale);
      store(log_sum + panel * panel_lanes<T> + at, best + log_of_sum);
      store(entropy + panel * panel_lanes<T> + at, log_of_sum - moment / sum);
    }
}

template <class T>
void choose(const T* density, Index n_panels, Index k, std::int32_t* label, T* best_out, T* second_out, T* log_sum) {
  using V = Vec<T>;
  using I = IntVec<T>;
  constexpr int W = lanes_of<T>;
  for (Index panel = 0; panel < n_panels; ++panel, density += panel_lanes<T> * k)
    for (int at = 0; at < panel_lanes<T>; at += W) {
      const T* column = density + at;
      const Index to = panel * panel_lanes<T> + at;
      V best = load<V>(column);
      V second = broadcast<V>(-std::numeric_limits<T>::infinity());
      I which{};
      for (Index c = 1; c < k; ++c) {
        const V value = load<V>(column + c * panel_lanes<T>);
        const auto larger = value > best;
        second = maximum(second, minimum(value, best));
        which = select(larger, broadcast<I>(static_cast<Int<T>>(c)), which);
        best = maximum(value, best);
      }
      if (label)
        for (int i = 0; i < W; ++i) label[to + i] = static_cast<std::int32_t>(lane<Int<T>>(which, i));
      if (best_out) store(best_out + to, best);
      if (second_out) store(second_out + to, second);
      if (!log_sum) continue;
      const V top = maximum(best, broadcast<V>(std::numeric_limits<T>::lowest()));
      V sum{};
      for (Index c = 0; c < k; ++c) sum += exponential<T, W, true>(load<V>(column + c * panel_lanes<T>) - top);
      sum = maximum(sum, broadcast<V>(std::numeric_limits<T>::min()));
      store(log_sum + to, top + logarithm<T>(sum));
    }
}

// --- moments ------------------------------------------------------------------------------------------------

// Lane i of the result is the sum of the lanes of v[i].
template <class T>
SHOAL_INLINE Vec<T> sum_rows(Vec<T> (&v)[lanes_of<T>]) {
  constexpr int W = lanes_of<T>;
  if constexpr (W > 1)
    for (int n = W / 2; n > 0; n /= 2)
      for (int i = 0; i < n; ++i) v[i] = interleave<W, 0>(v[i], v[i + n]) + interleave<W, 1>(v[i], v[i + n]);
  return v[0];
}

// out[i * stride + j] += the sum of the lanes of sum[i][j].
template <int A, int B, class T, class Out>
SHOAL_INLINE void flush(const Vec<T> (&sum)[A][B], Out&& out) {
  constexpr int W = lanes_of<T>;
  for (int at = 0; at < A * B; at += W) {
    Vec<T> rows[W];
    for (int i = 0; i < W; ++i) rows[i] = at + i < A * B ? sum[(at + i) / B][(at + i) % B] : Vec<T>{};
    const Vec<T> total = sum_rows<T>(rows);
    for (int i = 0; i < W && at + i < A * B; ++i)
      *out((at + i) / B, (at + i) % B) += static_cast<double>(lane<T>(total, i));
  }
}

// out[c][f] += sum over samples of resp[c] * x[f], for C components and F rows of the panels; weight[c] += that of
// resp[c] when Weight.
template <int C, int F, bool Weight, class T>
void moments_tile(const T* x, Index x_stride, const T* resp, Index resp_stride, Index n_panels, double* out,
                  Index out_stride, double* weight) {
  using V = Vec<T>;
  V sum[C][F];
  V total[C][1];
  for (int c = 0; c < C; ++c) {
    total[c][0] = V{};
    for (int f = 0; f < F; ++f) sum[c][f] = V{};
  }
  for (Index panel = 0; panel < n_panels; ++panel, x += x_stride, resp += resp_stride)
    for (int at = 0; at < panel_lanes<T>; at += lanes_of<T>) {
      V value[F];
      for (int f = 0; f < F; ++f) value[f] = load<V>(x + f * panel_lanes<T> + at);
      for (int c = 0; c < C; ++c) {
        const V r = load<V>(resp + c * panel_lanes<T> + at);
        if constexpr (Weight) total[c][0] += r;
        for (int f = 0; f < F; ++f) sum[c][f] += r * value[f];
      }
    }
  flush<C, F, T>(sum, [&](int c, int f) { return out + c * out_stride + f; });
  if constexpr (Weight) flush<C, 1, T>(total, [&](int c, int) { return weight + c; });
}

inline constexpr int tile_side = vector_registers >= 32 ? 4 : 3;

// out[c * out_stride + f] += sum resp[c] x[f] for all of n_components and n_rows; panels of x are x_stride apart.
// weight[c] += sum resp[c], unless it is null.
template <class T>
void moments(const T* x, Index x_stride, Index n_rows, const T* resp, Index resp_stride, Index n_components,
             Index n_panels, double* out, Index out_stride, double* weight) {
  for (Index c = 0; c < n_components; c += tile_side)
    with_constant<tile_side>(static_cast<int>(std::min<Index>(tile_side, n_components - c)), [&](auto C) {
      for (Index f = 0; f < n_rows; f += tile_side)
        with_constant<tile_side>(static_cast<int>(std::min<Index>(tile_side, n_rows - f)), [&](auto F) {
          const auto tile = f == 0 && weight ? moments_tile<C, F, true, T> : moments_tile<C, F, false, T>;
          tile(x + f * panel_lanes<T>, x_stride, resp + c * panel_lanes<T>, resp_stride, n_panels,
               out + c * out_stride + f, out_stride, weight ? weight + c : nullptr);
        });
    });
}

// For one component: first[f] += sum of resp v[f], v = x - mean, and, unless it is null, second[f * second_step] += sum
// of resp v[f]^2, for F rows of the panels; weight += sum of resp when Weight.
template <int F, bool Weight, class T>
void moments_about(const T* x, Index x_stride, const T* mean, const T* resp, Index resp_stride, Index n_panels,
                   double* first, double* second, Index second_step, double* weight) {
  using V = Vec<T>;
  V sum[1][F], squares[1][F], total[1][1];
  total[0][0] = V{};
  for (int f = 0; f < F; ++f) sum[0][f] = squares[0][f] = V{};
  for (Index panel = 0; panel < n_panels; ++panel, x += x_stride, resp += resp_stride)
    for (int at = 0; at < panel_lanes<T>; at += lanes_of<T>) {
      const V r = load<V>(resp + at);
      if constexpr (Weight) total[0][0] += r;
      for (int f = 0; f < F; ++f) {
        const V value = load<V>(x + f * panel_lanes<T> + at) - broadcast<V>(mean[f]);
        const V weighed = r * value;
        sum[0][f] += weighed;
        squares[0][f] += weighed * value;
      }
    }
  flush<1, F, T>(sum, [&](int, int f) { return first + f; });
  if (second) flush<1, F, T>(squares, [&](int, int f) { return second + f * second_step; });
  if constexpr (Weight) flush<1, 1, T>(total, [&](int, int) { return weight; });
}

// Rows of a tile of moments about a mean.
inline constexpr int about_rows = vector_registers >= 32 ? 8 : 4;

// The same for all rows and components: second of component c at second + c * second_stride. A few rows of all panels
// stay in the cache for one component after the other.
template <class T>
void moments_about_means(const T* x, Index d, const T* means, const T* resp, Index n_components, Index n_panels,
                         double* first, double* second, Index second_stride, Index second_step, double* weight) {
  constexpr int L = panel_lanes<T>;
  for (Index f = 0; f < d; f += about_rows)
    with_constant<about_rows>(static_cast<int>(std::min<Index>(about_rows, d - f)), [&](auto F) {
      const auto tile = f == 0 ? moments_about<F, true, T> : moments_about<F, false, T>;
      for (Index c = 0; c < n_components; ++c)
        tile(x + f * L, d * L, means + c * d + f, resp + c * L, n_components * L, n_panels, first + c * d + f,
             second ? second + c * second_stride + f * second_step : nullptr, second_step, weight + c);
    });
}

// Columns of one tile of second moments; its rows are two.
inline constexpr int pair_columns = vector_registers >= 32 ? 8 : 4;

// Row a of the upper triangle starts here, such that entry (a, b) is at row_start(a) + b.
SHOAL_INLINE Index row_start(Index a, Index d) {
  return a * d - a * (a - 1) / 2 - a;
}

// Keeps a value that several multiply-adds use from being loaded by each of them: loads are what limits the tile.
template <class V>
SHOAL_INLINE void in_register([[maybe_unused]] V& value) {
#if defined(SHOAL_LEVEL_v3) || defined(SHOAL_LEVEL_v4)
  asm("" : "+v"(value));
#endif
}

// second(a0 + a, b0 + b) += sum of resp x_a x_b for A rows and B columns, b >= a.
template <int A, int B, class T>
void second_tile(const T* x, Index d, const T* resp, Index resp_stride, Index n_panels, Index a0, Index b0,
                 double* second) {
  using V = Vec<T>;
  V sum[A][B];
  for (int a = 0; a < A; ++a)
    for (int b = 0; b < B; ++b) sum[a][b] = V{};
  const T* rows = x + a0 * panel_lanes<T>;
  const T* columns = x + b0 * panel_lanes<T>;
  const Index stride = d * panel_lanes<T>;
  for (Index panel = 0; panel < n_panels; ++panel, rows += stride, columns += stride, resp += resp_stride)
    for (int at = 0; at < panel_lanes<T>; at += lanes_of<T>) {
      const V r = load<V>(resp + at);
      V left[A];
      for (int a = 0; a < A; ++a) left[a] = r * load<V>(rows + a * panel_lanes<T> + at);
      for (int b = 0; b < B; ++b) {
        V right = load<V>(columns + b * panel_lanes<T> + at);
        in_register(right);
        for (int a = 0; a < A; ++a) sum[a][b] += left[a] * right;
      }
    }
  double unused = 0;
  flush<A, B, T>(sum,
                 [&](int a, int b) { return b0 + b >= a0 + a ? second + row_start(a0 + a, d) + b0 + b : &unused; });
}

// The upper triangle of sum resp x x'.
template <class T>
void second_moments(const T* x, Index d, const T* resp, Index resp_stride, Index n_panels, double* second) {
  for (Index a = 0; a < d; a += 2)
    with_constant<2>(static_cast<int>(std::min<Index>(2, d - a)), [&](auto A) {
      for (Index b = a; b < d; b += pair_columns)
        with_constant<pair_columns>(static_cast<int>(std::min<Index>(pair_columns, d - b)), [&](auto B) {
          second_tile<A, B>(x, d, resp, resp_stride, n_panels, a, b, second);
        });
    });
}

// Rows that follow the d features: their squares (diag), or the sum of these (spherical).
template <class T>
void augment(const T* x, Index d, Covariance type, Index n_panels, T* out) {
  using V = Vec<T>;
  for (Index panel = 0; panel < n_panels; ++panel) {
    for (int at = 0; at < panel_lanes<T>; at += lanes_of<T>) {
      V total{};
      for (Index p = 0; p < d; ++p) {
        const V value = load<V>(x + p * panel_lanes<T> + at);
        if (type == Covariance::diag)
          store(out + p * panel_lanes<T> + at, value * value);
        else
          total += value * value;
      }
      if (type == Covariance::spherical) store(out + at, total);
    }
    x += d * panel_lanes<T>;
    out += (type == Covariance::diag ? d : 1) * panel_lanes<T>;
  }
}

template <class T>
Index scratch_size(const Components<T>& k, Index n_panels) {
  return n_panels * k.n_features * panel_lanes<T>;
}

template <class T>
void accumulate(const T* panels, const T* resp, Index n_panels, const Components<T>& k, double* weight, double* first,
                double* second, T* scratch) {
  constexpr int L = panel_lanes<T>;
  const Index d = k.n_features;
  const Index K = k.n_components;
  const bool full = k.type == Covariance::full;
  const Index extra = !second || k.type == Covariance::tied || full ? 0 : k.type == Covariance::diag ? d : 1;
  const Index size = d * (d + 1) / 2;
  if (k.apart && !full)
    return moments_about_means(panels, d, k.mean.data(), resp, K, n_panels, first, extra ? second : nullptr, extra,
                               Index{extra > 1}, weight);
  // all components at once about the origin, or one after the other about their means
  const Index step = k.apart ? 1 : K;
  for (Index c = 0; c < K; c += step) {
    const T* x = panels;
    if (k.apart) {
      for (Index panel = 0; panel < n_panels; ++panel)
        subtract(panels + panel * d * L, k.mean.data() + c * d, d, scratch + panel * d * L);
      x = scratch;
    }
    moments(x, d * L, d, resp + c * L, K * L, step, n_panels, first + c * d, d, weight + c);
    if (extra) {
      augment(x, d, k.type, n_panels, scratch);
      moments(scratch, extra * L, extra, resp + c * L, K * L, step, n_panels, second + c * extra, extra, nullptr);
    }
    if (second && full)
      for (Index j = c; j < c + step; ++j) second_moments(x, d, resp + j * L, K * L, n_panels, second + j * size);
  }
}

// --- plain arrays, for tests of exp and log ------------------------------------------------------------------

template <class T, class F>
SHOAL_INLINE void apply(const T* x, T* out, Index n, F&& f) {
  constexpr int W = lanes_of<T>;
  for (Index i = 0; i < n; i += W) {
    T buffer[W];
    const Index count = std::min<Index>(W, n - i);
    for (int j = 0; j < W; ++j) buffer[j] = x[j < count ? i + j : i];
    store(buffer, f(load<Vec<T>>(buffer)));
    for (Index j = 0; j < count; ++j) out[i + j] = buffer[j];
  }
}
template <class T>
void exp_of(const T* x, T* out, Index n) {
  apply(x, out, n, [](Vec<T> v) { return exponential<T>(v); });
}
template <class T>
void log_of(const T* x, T* out, Index n) {
  apply(x, out, n, [](Vec<T> v) { return logarithm<T>(v); });
}

template <class T>
inline constexpr mixture::MixtureKernels<T> table = {
    panel_lanes<T>, group_size, group_size,    32,        scratch_size<T>, log_density<T>,
    normalize<T>,   choose<T>,  accumulate<T>, exp_of<T>, log_of<T>,
};

}  // namespace

const mixture::MixtureKernels<float>& mixture_f32() {
  return table<float>;
}
const mixture::MixtureKernels<double>& mixture_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
