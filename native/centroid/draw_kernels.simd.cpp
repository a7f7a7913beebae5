// The inner loops of draw_kernels.hpp.
#include <bit>
#include <limits>

#if defined(SHOAL_LEVEL_v4)
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own intrinsics pass "undefined" vectors
#endif
#include <immintrin.h>
#endif

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

template <class T>
double gain(const T* sq, const Nearest<T>& to, Index n, std::uint16_t bit) {
  constexpr int W = lanes_of<T>;
  Index i = 0;
  double total = 0;
  if constexpr (W > 1) {
    using V = Vec<T>;
    using Bits = typename VecOf<std::int16_t, W>::type;
    Sums<T, W> sums;
    const Bits set = static_cast<std::int16_t>(bit) - Bits{};
    for (; i + W <= n; i += W) {
      const V gained = load<V>(to.sq + i) - load<V>(sq + i);
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
    if (!(sq[i] < to.sq[i])) continue;
    to.nearer[i] = static_cast<std::uint16_t>(to.nearer[i] | bit);
    total += (static_cast<double>(to.sq[i]) - static_cast<double>(sq[i])) *
             (to.weight ? static_cast<double>(to.weight[i]) : 1.0);
  }
  return total;
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

#if defined(SHOAL_LEVEL_v3) || defined(SHOAL_LEVEL_v4)
constexpr int panel = static_cast<int>(centroid::code_lanes);

// Eight samples against D draws by instructions of level v3. Codes have seven bits, so that four products fit into the
// sixteen bits in which they are first added up.
template <int D>
Index screen_seven_bits(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset,
                        const float* root, const std::int8_t* draws, const std::int32_t* draw_offset,
                        const float* draw_slack, float scale, int shift, std::uint16_t* nearer) {
  const __m256i ones = _mm256_set1_epi16(1);
  Index n_open = 0;
  for (Index half = 0; half < 2 * n_panels; ++half) {
    __m256i sum[D];
    for (int t = 0; t < D; ++t) sum[t] = _mm256_setzero_si256();
    const std::uint8_t* from = codes + half / 2 * n_words * panel * 4 + half % 2 * 32;
    const auto products = [&](Index w, int t) {
      std::int32_t word;
      std::memcpy(&word, draws + (t * n_words + w) * 4, 4);
      return _mm256_maddubs_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + w * panel * 4)),
                                  _mm256_set1_epi32(word));
    };
    Index w = 0;
    for (; w + 2 <= n_words; w += 2)
      for (int t = 0; t < D; ++t)
        sum[t] =
            _mm256_add_epi32(sum[t], _mm256_madd_epi16(_mm256_add_epi16(products(w, t), products(w + 1, t)), ones));
    if (w < n_words)
      for (int t = 0; t < D; ++t) sum[t] = _mm256_add_epi32(sum[t], _mm256_madd_epi16(products(w, t), ones));
    const __m256i base = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset + half * 8));
    const __m256 reach = _mm256_loadu_ps(root + half * 8);
    __m256i bits = _mm256_setzero_si256();
    for (int t = 0; t < D; ++t) {
      const __m256i sq =
          _mm256_sub_epi32(_mm256_add_epi32(base, _mm256_set1_epi32(draw_offset[t])), _mm256_slli_epi32(sum[t], 1));
      const __m256 limit = _mm256_add_ps(reach, _mm256_set1_ps(draw_slack[t]));
      const __m256 open = _mm256_cmp_ps(_mm256_cvtepi32_ps(sq),
                                        _mm256_mul_ps(_mm256_mul_ps(limit, limit), _mm256_set1_ps(scale)), _CMP_LT_OQ);
      n_open += std::popcount(static_cast<unsigned>(_mm256_movemask_ps(open)));
      bits = _mm256_or_si256(bits, _mm256_and_si256(_mm256_castps_si256(open), _mm256_set1_epi32(1 << (t + shift))));
    }
    // unsigned words: no bit is above the sixteenth
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    __m128i* to = reinterpret_cast<__m128i*>(nearer + half * 8);
    _mm_storeu_si128(to, _mm_or_si128(_mm_loadu_si128(to), words));
  }
  return n_open;
}

#if defined(SHOAL_LEVEL_v4)
// Sixteen samples against D draws; the 8-bit products are an extension of level v4, asked for at run time.
template <int D>
[[gnu::target("avx512vnni")]] inline Index screen_eight_bits(const std::uint8_t* codes, Index n_panels, Index n_words,
                                                             const std::int32_t* offset, const float* root,
                                                             const std::int8_t* draws, const std::int32_t* draw_offset,
                                                             const float* draw_slack, float scale, int shift,
                                                             std::uint16_t* nearer) {
  Index n_open = 0;
  for (Index i = 0; i < n_panels; ++i) {
    __m512i sum[D];
    for (int t = 0; t < D; ++t) sum[t] = _mm512_setzero_si512();
    const std::uint8_t* from = codes + i * n_words * 64;
    for (Index w = 0; w < n_words; ++w) {
      const __m512i x = _mm512_loadu_si512(from + w * 64);
      for (int t = 0; t < D; ++t) {
        std::int32_t word;
        std::memcpy(&word, draws + (t * n_words + w) * 4, 4);
        sum[t] = _mm512_dpbusd_epi32(sum[t], x, _mm512_set1_epi32(word));
      }
    }
    const __m512i base = _mm512_loadu_si512(offset + i * 16);
    const __m512 reach = _mm512_loadu_ps(root + i * 16);
    __m512i bits = _mm512_setzero_si512();
    for (int t = 0; t < D; ++t) {
      const __m512i sq =
          _mm512_sub_epi32(_mm512_add_epi32(base, _mm512_set1_epi32(draw_offset[t])), _mm512_slli_epi32(sum[t], 1));
      const __m512 limit = _mm512_add_ps(reach, _mm512_set1_ps(draw_slack[t]));
      const __mmask16 open = _mm512_cmp_ps_mask(
          _mm512_cvtepi32_ps(sq), _mm512_mul_ps(_mm512_mul_ps(limit, limit), _mm512_set1_ps(scale)), _CMP_LT_OQ);
      n_open += std::popcount(static_cast<unsigned>(open));
      bits = _mm512_mask_or_epi32(bits, open, bits, _mm512_set1_epi32(1 << (t + shift)));
    }
    std::uint16_t* to = nearer + i * 16;
    const __m256i before = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(to));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_or_si256(before, _mm512_cvtepi32_epi16(bits)));
  }
  return n_open;
}
#endif

template <bool EightBits>
Index screen(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset, const float* root,
             const std::int8_t* draws, const std::int32_t* draw_offset, const float* draw_slack, Index n_draws,
             float scale, std::uint16_t* nearer) {
  Index n_open = 0;
  std::memset(nearer, 0, static_cast<std::size_t>(n_panels * panel) * sizeof(std::uint16_t));
  for (Index t = 0; t < n_draws; t += 8)
    with_constant<8>(static_cast<int>(n_draws - t < 8 ? n_draws - t : 8), [&](auto constant) {
      constexpr int D = constant();
      const auto own = [&] {
#if defined(SHOAL_LEVEL_v4)
        if constexpr (EightBits) return &screen_eight_bits<D>;
#endif
        return &screen_seven_bits<D>;
      }();
      n_open += own(codes, n_panels, n_words, offset, root, draws + t * n_words * 4, draw_offset + t, draw_slack + t,
                    scale, static_cast<int>(t), nearer);
    });
  return n_open;
}

centroid::ScreenKernel choose_screen() {
#if defined(SHOAL_LEVEL_v4)
  if (__builtin_cpu_supports("avx512vnni")) return {256, screen<true>};
#endif
  return {128, screen<false>};
}
#else
centroid::ScreenKernel choose_screen() {
  return {0, nullptr};
}
#endif

template <class T>
inline constexpr centroid::DrawKernels<T> table = {distances<T>, gain<T>, product_gains<T>};

}  // namespace

const centroid::DrawKernels<float>& draw_kernels_f32() {
  return table<float>;
}
const centroid::DrawKernels<double>& draw_kernels_f64() {
  return table<double>;
}
const centroid::ScreenKernel& draw_screen() {
  static const auto kernel = choose_screen();
  return kernel;
}

}  // namespace shoal::SHOAL_LEVEL
