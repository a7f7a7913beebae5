// Vectors of T as wide as the level allows. Included by *.simd.cpp files only, which are compiled once per level.
//
// Compiler vector types: arithmetic, comparison and `mask ? a : b` work lane by lane, so one source serves every
// instruction set. At level `scalar` a vector is a plain T and the same code is its own scalar twin.
// Everything here is in the level's namespace and inlined: no symbol of one level can be taken for another's.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "simd/inline.hpp"

#if defined(SHOAL_LEVEL_v2) || defined(SHOAL_LEVEL_v3) || defined(SHOAL_LEVEL_v4)
#include <immintrin.h>
#endif

#if !defined(SHOAL_LEVEL)
#error "simd/vec.hpp belongs in *.simd.cpp files, compiled per level"
#endif

namespace shoal::SHOAL_LEVEL {

using Index = std::ptrdiff_t;

/// Bytes of one vector register at this level; 0 at level scalar.
inline constexpr int vector_bytes =
#if defined(SHOAL_LEVEL_v4)
    64;
#elif defined(SHOAL_LEVEL_v3)
    32;
#elif defined(SHOAL_LEVEL_v2) || defined(SHOAL_LEVEL_neon)
    16;
#else
    0;
#endif
/// Vector registers an inner loop can count on.
inline constexpr int vector_registers = vector_bytes == 64 || vector_bytes == 0 ? 32 : 16;

template <class T>
inline constexpr int lanes_of = vector_bytes ? vector_bytes / static_cast<int>(sizeof(T)) : 1;

/// The integer with the size of T: labels travel beside distances in lanes of equal width.
template <class T>
using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

template <class T, int W>
struct VecOf {
  typedef T type __attribute__((vector_size(W * sizeof(T))));
};
template <class T>
struct VecOf<T, 1> {
  using type = T;
};
template <class T, int W = lanes_of<T>>
using Vec = typename VecOf<T, W>::type;
template <class T, int W = lanes_of<T>>
using IntVec = typename VecOf<Int<T>, W>::type;

template <class V, class T>
SHOAL_INLINE V load(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof(V));
  return v;
}
template <class V, class T>
SHOAL_INLINE void store(T* p, V v) {
  std::memcpy(p, &v, sizeof(V));
}
template <class V, class T>
SHOAL_INLINE V broadcast(T value) {
  if constexpr (std::is_arithmetic_v<V>)
    return static_cast<V>(value);
  else
    return value - V{};
}
/// Lanes of a where the mask is set, else of b.
template <class M, class V>
SHOAL_INLINE V select(M mask, V a, V b) {
  return mask ? a : b;
}
template <class V>
SHOAL_INLINE V minimum(V a, V b) {
  return a < b ? a : b;
}
template <class V>
SHOAL_INLINE V maximum(V a, V b) {
  return a > b ? a : b;
}
template <class V>
SHOAL_INLINE V absolute(V a) {
  if constexpr (std::is_arithmetic_v<V>) {
    return std::fabs(a);
  } else {
    // all bits but the sign
    using Bits = decltype(a == a);
    using Word = std::remove_cvref_t<decltype(Bits{}[0])>;
    return (V)((Bits)a & (Bits{} + std::numeric_limits<Word>::max()));
  }
}
template <class V>
SHOAL_INLINE V square_root(V a) {
  if constexpr (std::is_arithmetic_v<V>) {
    return std::sqrt(a);
  } else {
    // one instruction of the vector's width once the compiler has seen through it
    V root;
    for (std::size_t i = 0; i < sizeof(V) / sizeof(a[0]); ++i) root[i] = std::sqrt(a[i]);
    return root;
  }
}
template <class T, class V>
SHOAL_INLINE T lane(const V& v, int i) {
  if constexpr (std::is_arithmetic_v<V>)
    return v;
  else
    return v[i];
}

/// Bit i is set where lane i of a comparison of T is.
template <class T, class M>
SHOAL_INLINE std::uint32_t mask_bits(M mask) {
  if constexpr (std::is_arithmetic_v<M>) {
    return mask ? 1 : 0;
  } else {
#if defined(SHOAL_LEVEL_v4)
    if constexpr (sizeof(M) == 64 && sizeof(T) == 8) return _mm512_movepi64_mask((__m512i)mask);
    if constexpr (sizeof(M) == 64 && sizeof(T) == 4) return _mm512_movepi32_mask((__m512i)mask);
#endif
#if defined(SHOAL_LEVEL_v3) || defined(SHOAL_LEVEL_v4)
    if constexpr (sizeof(M) == 32 && sizeof(T) == 8)
      return static_cast<std::uint32_t>(_mm256_movemask_pd((__m256d)mask));
    if constexpr (sizeof(M) == 32 && sizeof(T) == 4)
      return static_cast<std::uint32_t>(_mm256_movemask_ps((__m256)mask));
#endif
#if defined(__x86_64__) && !defined(SHOAL_LEVEL_scalar)
    if constexpr (sizeof(M) == 16 && sizeof(T) == 8) return static_cast<std::uint32_t>(_mm_movemask_pd((__m128d)mask));
    if constexpr (sizeof(M) == 16 && sizeof(T) == 4) return static_cast<std::uint32_t>(_mm_movemask_ps((__m128)mask));
#endif
    std::uint32_t bits = 0;
    for (int i = 0; i < static_cast<int>(sizeof(M) / sizeof(T)); ++i) bits |= (mask[i] ? 1u : 0u) << i;
    return bits;
  }
}

/// True where any lane of a comparison is set.
template <class M>
SHOAL_INLINE bool any(M mask) {
  if constexpr (std::is_arithmetic_v<M>)
    return mask;
  else
    return mask_bits<std::remove_cvref_t<decltype(mask[0])>>(mask) != 0;
}

/// Lane by lane to another type: of one vector of as many lanes.
template <class To, class From>
SHOAL_INLINE To converted(From v) {
  if constexpr (std::is_arithmetic_v<From>)
    return static_cast<To>(v);
  else
    return __builtin_convertvector(v, To);
}

/// Sum of the lanes, halves first.
template <class T, int W = lanes_of<T>>
SHOAL_INLINE T sum_lanes(Vec<T, W> v) {
  if constexpr (W == 1) {
    return v;
  } else {
    Vec<T, W / 2> half[2];
    std::memcpy(half, &v, sizeof(v));
    return sum_lanes<T, W / 2>(half[0] + half[1]);
  }
}

/// Least of the lanes.
template <class T, int W = lanes_of<T>>
SHOAL_INLINE T least_lane(Vec<T, W> v) {
  if constexpr (W == 1) {
    return v;
  } else {
    Vec<T, W / 2> half[2];
    std::memcpy(half, &v, sizeof(v));
    return least_lane<T, W / 2>(minimum(half[0], half[1]));
  }
}

namespace detail {
#if defined(__clang__)
template <class V, int... I>
SHOAL_INLINE V shuffle(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}
#else
template <class V, int... I>
SHOAL_INLINE V shuffle(V a, V b, std::integer_sequence<int, I...>) {
  using T = std::remove_cvref_t<decltype(a[0])>;
  constexpr Vec<Int<T>, sizeof...(I)> order = {I...};
  return __builtin_shuffle(a, b, order);
}
#endif
// {a0, b0, a1, b1, ...} of the lower (half = 0) or upper (half = 1) halves
template <int W, int Half, class V, int... I>
SHOAL_INLINE V interleave(V a, V b, std::integer_sequence<int, I...>) {
  return shuffle(a, b, std::integer_sequence<int, ((I % 2) * W + Half * (W / 2) + I / 2)...>{});
}
// lanes Odd, Odd + 2, Odd + 4, ... of a followed by b
template <int W, int Odd, class V, int... I>
SHOAL_INLINE V every_second(V a, V b, std::integer_sequence<int, I...>) {
  return shuffle(a, b, std::integer_sequence<int, (2 * I + Odd)...>{});
}
}  // namespace detail

template <int W, int Half, class V>
SHOAL_INLINE V interleave(V a, V b) {
  return detail::interleave<W, Half>(a, b, std::make_integer_sequence<int, W>{});
}
template <int W, int Odd, class V>
SHOAL_INLINE V every_second(V a, V b) {
  return detail::every_second<W, Odd>(a, b, std::make_integer_sequence<int, W>{});
}

/// Transposes W rows of W values held in registers.
template <int W, class V>
SHOAL_INLINE void transpose(V (&rows)[W]) {
  for (int stage = 1; stage < W; stage *= 2) {
    V next[W];
    for (int i = 0; i < W / 2; ++i) {
      next[2 * i] = interleave<W, 0>(rows[i], rows[i + W / 2]);
      next[2 * i + 1] = interleave<W, 1>(rows[i], rows[i + W / 2]);
    }
    for (int i = 0; i < W; ++i) rows[i] = next[i];
  }
}

/// Calls f(integral_constant<int, n>) for the n in [1, Max] equal to `n`.
template <int Max, class F>
SHOAL_INLINE void with_constant(int n, F&& f) {
  if constexpr (Max > 0) {
    if (n == Max)
      f(std::integral_constant<int, Max>{});
    else
      with_constant<Max - 1>(n, std::forward<F>(f));
  }
}

}  // namespace shoal::SHOAL_LEVEL
