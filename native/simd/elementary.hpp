// exp and log of vectors. Included by *.simd.cpp files only, like vec.hpp.
//
// Both split off a power of two and take a polynomial of the rest (fitted at Chebyshev nodes with 40 digits):
//   exp(x) = 2^n (1 + r + r^2 p(r)),  n = round(x / ln 2),  r = x - n ln 2 in two parts,
//   log(x) = e ln 2 + 2 s + s^3 q(s^2),  s = (m - 1) / (m + 1),  x = 2^e m,  m in [1/sqrt 2, sqrt 2).
// Error against the exact value, in units in the last place of the result, at every level (tests/mixture:
// test_vector_exp_and_log measures it): exp below 1.5, log below 1; float32 and float64.
#pragma once
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {

namespace detail {

template <class T>
struct Elementary;

template <>
struct Elementary<double> {
  static constexpr double log2_e = 1.4426950408889634074;
  static constexpr double ln2_high = 0x1.62e42fee00000p-1;  // 32 bits: a multiple up to 2^21 is exact
  static constexpr double ln2_low = 1.908214929270587816144e-10;
  static constexpr double round_shift = 0x1.8p52;
  static constexpr double least_exp = -708.0;  // below, the result counts as 0: no subnormal numbers
  static constexpr double most_exp = 709.0;
  static constexpr int mantissa = 52;
  static constexpr std::int64_t bias = 1023;
  static constexpr std::int64_t sqrt_half = 0x3fe6a09e667f3bcd;  // bits of 1 / sqrt 2
  static constexpr double exp[] = {0.50000000000000010221,     0.16666666666666667453,   0.041666666666624127873,
                                   0.0083333333333300618325,   0.0013888888917213716901, 0.00019841269863053616878,
                                   0.000024801521295954375131, 2.7557268459997064772e-6, 2.7620088445409748161e-7,
                                   2.5100385495510319078e-8};
  static constexpr double log[] = {0.66666666666666697077, 0.39999999999898890514, 0.28571428626253837606,
                                   0.22222211089379496214, 0.18182892432536871201, 0.15331611722055007885,
                                   0.14617807153417324964};
};

template <>
struct Elementary<float> {
  static constexpr float log2_e = 1.4426950408889634074f;
  static constexpr float ln2_high = 0x1.62e4p-1f;  // 15 bits: a multiple up to 2^8 is exact
  static constexpr float ln2_low = 1.42860682030942e-6f;
  static constexpr float round_shift = 0x1.8p23f;
  static constexpr float least_exp = -87.0f;
  static constexpr float most_exp = 88.0f;
  static constexpr int mantissa = 23;
  static constexpr std::int32_t bias = 127;
  static constexpr std::int32_t sqrt_half = 0x3f3504f3;
  static constexpr float exp[] = {0.5f, 0.16666576989698775683f, 0.041666554617204574203f, 0.0083631790527225773704f,
                                  0.0013926183587713494542f};
  static constexpr float log[] = {0.66666685095429068746f, 0.39988757716604847003f, 0.29580985929974422621f};
};

template <class V, class T, std::size_t Degree>
SHOAL_INLINE V polynomial(V x, const T (&coefficient)[Degree]) {
  V sum = broadcast<V>(coefficient[Degree - 1]);
  for (std::size_t i = Degree - 1; i-- > 0;) sum = sum * x + broadcast<V>(coefficient[i]);
  return sum;
}

template <class To, class From>
SHOAL_INLINE To bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &value, sizeof(to));
  return to;
}

}  // namespace detail

/// exp(x) for x up to 709 (float: 88); 0 below -708 (float: -87), so -inf gives 0. Precondition: x is not NaN, and
/// not above 0 if NotAbove0, which saves a step.
template <class T, int W = lanes_of<T>, bool NotAbove0 = false>
SHOAL_INLINE Vec<T, W> exponential(Vec<T, W> x) {
  using V = Vec<T, W>;
  using I = IntVec<T, W>;
  using E = detail::Elementary<T>;
  const V least = broadcast<V>(E::least_exp);
  V within = maximum(x, least);
  if constexpr (!NotAbove0) within = minimum(within, broadcast<V>(E::most_exp));
  // adding 1.5 * 2^mantissa leaves the rounded integer in the low bits
  const V shifted = within * broadcast<V>(E::log2_e) + broadcast<V>(E::round_shift);
  const V n = shifted - broadcast<V>(E::round_shift);
  const V r = within - n * broadcast<V>(E::ln2_high) - n * broadcast<V>(E::ln2_low);
  const V value = (detail::polynomial(r, E::exp) * r * r + r) + broadcast<V>(T{1});
  const I whole = detail::bits<I>(shifted) - detail::bits<I>(broadcast<V>(E::round_shift));
  const V scaled = detail::bits<V>(detail::bits<I>(value) + (whole << E::mantissa));
  return select(x < least, V{}, scaled);
}

/// log(x) for normal positive x.
template <class T, int W = lanes_of<T>>
SHOAL_INLINE Vec<T, W> logarithm(Vec<T, W> x) {
  using V = Vec<T, W>;
  using I = IntVec<T, W>;
  using E = detail::Elementary<T>;
  const I bits = detail::bits<I>(x);
  const I power = (bits - broadcast<I>(static_cast<Int<T>>(E::sqrt_half))) >> E::mantissa;
  const V m = detail::bits<V>(bits - (power << E::mantissa));
  V e;
  if constexpr (W == 1)
    e = static_cast<T>(power);
  else
    e = __builtin_convertvector(power, V);
  const V f = m - broadcast<V>(T{1});
  const V s = f / (m + broadcast<V>(T{1}));
  const V z = s * s;
  // 2 s = f - s f, the first part exact: only the small second part carries the error of the division
  const V tail = s * (z * detail::polynomial(z, E::log) - f) + e * broadcast<V>(E::ln2_low);
  return e * broadcast<V>(E::ln2_high) + (f + tail);
}

}  // namespace shoal::SHOAL_LEVEL
