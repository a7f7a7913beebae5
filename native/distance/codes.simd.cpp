// The inner loops of codes.hpp.
#include <bit>
#include <cmath>
#include <cstring>

#if defined(SHOAL_LEVEL_v4)
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own intrinsics pass "undefined" vectors
#endif
#include <immintrin.h>
#endif

#include "distance/codes.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using distance::code_lanes;
using distance::CodeSums;

constexpr double to_integer = 0x1.8p52;  // added and taken away again it rounds a double of this size

template <class T, int W = lanes_of<double>>
CodeSums code_row(const T* row, Index d, const T* low, double per_step, std::uint8_t* to) {
  constexpr Index words_apart = code_lanes * 4;
  double rest = 0, sum = 0, sq = 0;  // the last two are whole numbers
  Index p = 0;
  if constexpr (W >= 4) {
    using V = Vec<double, W>;
    using Few = Vec<T, W>;
    using Bytes = typename VecOf<std::uint8_t, W>::type;
    V rests{}, sums{}, sqs{};
    for (; p + W <= d; p += W) {
      const V value = (converted<V>(load<Few>(row + p)) - converted<V>(load<Few>(low + p))) * per_step;
      const V code = (value + to_integer) - to_integer;
      rests += (value - code) * (value - code);
      sums += code;
      sqs += code * code;
      const Bytes bytes = __builtin_convertvector(__builtin_convertvector(code, IntVec<float, W>), Bytes);
      for (int w = 0; w < W / 4; ++w)
        std::memcpy(to + (p / 4 + w) * words_apart, reinterpret_cast<const char*>(&bytes) + 4 * w, 4);
    }
    rest = sum_lanes<double>(rests);
    sum = sum_lanes<double>(sums);
    sq = sum_lanes<double>(sqs);
  }
  for (; p < d; ++p) {
    const double value = (static_cast<double>(row[p]) - static_cast<double>(low[p])) * per_step;
    const double code = (value + to_integer) - to_integer;
    rest += (value - code) * (value - code);
    sum += code;
    sq += code * code;
    to[p / 4 * words_apart + p % 4] = static_cast<std::uint8_t>(static_cast<std::int32_t>(code));
  }
  return {rest, static_cast<std::int32_t>(sum), static_cast<std::int32_t>(sq)};
}

#if defined(SHOAL_LEVEL_v3) || defined(SHOAL_LEVEL_v4)
constexpr int panel = static_cast<int>(distance::code_lanes);

// Eight samples against D queries by instructions of level v3. Codes have seven bits, so that four products fit into
// the sixteen bits in which they are first added up.
template <int D>
Index screen_seven_bits(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset,
                        const float* reach, const std::int8_t* queries, const std::int32_t* query_offset,
                        const float* query_slack, float scale, int shift, std::uint16_t* near) {
  const __m256i ones = _mm256_set1_epi16(1);
  Index n_open = 0;
  for (Index half = 0; half < 2 * n_panels; ++half) {
    __m256i sum[D];
    for (int t = 0; t < D; ++t) sum[t] = _mm256_setzero_si256();
    const std::uint8_t* from = codes + half / 2 * n_words * panel * 4 + half % 2 * 32;
    const auto products = [&](Index w, int t) {
      std::int32_t word;
      std::memcpy(&word, queries + (t * n_words + w) * 4, 4);
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
    const __m256 own = _mm256_loadu_ps(reach + half * 8);
    __m256i bits = _mm256_setzero_si256();
    for (int t = 0; t < D; ++t) {
      const __m256i sq =
          _mm256_sub_epi32(_mm256_add_epi32(base, _mm256_set1_epi32(query_offset[t])), _mm256_slli_epi32(sum[t], 1));
      const __m256 limit = _mm256_add_ps(own, _mm256_set1_ps(query_slack[t]));
      const __m256 open = _mm256_cmp_ps(_mm256_cvtepi32_ps(sq),
                                        _mm256_mul_ps(_mm256_mul_ps(limit, limit), _mm256_set1_ps(scale)), _CMP_LT_OQ);
      n_open += std::popcount(static_cast<unsigned>(_mm256_movemask_ps(open)));
      bits = _mm256_or_si256(bits, _mm256_and_si256(_mm256_castps_si256(open), _mm256_set1_epi32(1 << (t + shift))));
    }
    // unsigned words: no bit is above the sixteenth
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    __m128i* to = reinterpret_cast<__m128i*>(near + half * 8);
    _mm_storeu_si128(to, _mm_or_si128(_mm_loadu_si128(to), words));
  }
  return n_open;
}

#if defined(SHOAL_LEVEL_v4)
// Sixteen samples against D queries; the 8-bit products are an extension of level v4, asked for at run time.
template <int D>
[[gnu::target("avx512vnni")]] inline Index screen_eight_bits(const std::uint8_t* codes, Index n_panels, Index n_words,
                                                             const std::int32_t* offset, const float* reach,
                                                             const std::int8_t* queries,
                                                             const std::int32_t* query_offset, const float* query_slack,
                                                             float scale, int shift, std::uint16_t* near) {
  Index n_open = 0;
  for (Index i = 0; i < n_panels; ++i) {
    __m512i sum[D];
    for (int t = 0; t < D; ++t) sum[t] = _mm512_setzero_si512();
    const std::uint8_t* from = codes + i * n_words * 64;
    for (Index w = 0; w < n_words; ++w) {
      const __m512i x = _mm512_loadu_si512(from + w * 64);
      for (int t = 0; t < D; ++t) {
        std::int32_t word;
        std::memcpy(&word, queries + (t * n_words + w) * 4, 4);
        sum[t] = _mm512_dpbusd_epi32(sum[t], x, _mm512_set1_epi32(word));
      }
    }
    const __m512i base = _mm512_loadu_si512(offset + i * 16);
    const __m512 own = _mm512_loadu_ps(reach + i * 16);
    __m512i bits = _mm512_setzero_si512();
    for (int t = 0; t < D; ++t) {
      const __m512i sq =
          _mm512_sub_epi32(_mm512_add_epi32(base, _mm512_set1_epi32(query_offset[t])), _mm512_slli_epi32(sum[t], 1));
      const __m512 limit = _mm512_add_ps(own, _mm512_set1_ps(query_slack[t]));
      const __mmask16 open = _mm512_cmp_ps_mask(
          _mm512_cvtepi32_ps(sq), _mm512_mul_ps(_mm512_mul_ps(limit, limit), _mm512_set1_ps(scale)), _CMP_LT_OQ);
      n_open += std::popcount(static_cast<unsigned>(open));
      bits = _mm512_mask_or_epi32(bits, open, bits, _mm512_set1_epi32(1 << (t + shift)));
    }
    std::uint16_t* to = near + i * 16;
    const __m256i before = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(to));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_or_si256(before, _mm512_cvtepi32_epi16(bits)));
  }
  return n_open;
}
#endif

template <bool EightBits>
Index screen(const std::uint8_t* codes, Index n_panels, Index n_words, const std::int32_t* offset, const float* reach,
             const std::int8_t* queries, const std::int32_t* query_offset, const float* query_slack, Index n_queries,
             float scale, std::uint16_t* near) {
  Index n_open = 0;
  std::memset(near, 0, static_cast<std::size_t>(n_panels * panel) * sizeof(std::uint16_t));
  for (Index t = 0; t < n_queries; t += 8)
    with_constant<8>(static_cast<int>(n_queries - t < 8 ? n_queries - t : 8), [&](auto constant) {
      constexpr int D = constant();
      const auto own = [&] {
#if defined(SHOAL_LEVEL_v4)
        if constexpr (EightBits) return &screen_eight_bits<D>;
#endif
        return &screen_seven_bits<D>;
      }();
      n_open += own(codes, n_panels, n_words, offset, reach, queries + t * n_words * 4, query_offset + t,
                    query_slack + t, scale, static_cast<int>(t), near);
    });
  return n_open;
}

distance::ScreenKernel choose_screen() {
#if defined(SHOAL_LEVEL_v4)
  if (__builtin_cpu_supports("avx512vnni")) return {256, screen<true>};
#endif
  return {128, screen<false>};
}
#else
distance::ScreenKernel choose_screen() {
  return {0, nullptr};
}
#endif

}  // namespace

const distance::CodeRow<float>& code_row_f32() {
  static constexpr distance::CodeRow<float> table = {code_row<float>};
  return table;
}
const distance::CodeRow<double>& code_row_f64() {
  static constexpr distance::CodeRow<double> table = {code_row<double>};
  return table;
}
const distance::ScreenKernel& code_screen() {
  static const distance::ScreenKernel table = choose_screen();
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
