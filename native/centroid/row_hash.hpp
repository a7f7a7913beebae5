// The hash of a row: a sum over its values that are not zero, so that sparse and dense rows have the same.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "simd/inline.hpp"

namespace shoal::centroid {

// One multiplication per value: what is multiplied has its information in the low bits, too (those of the floats of
// whole numbers are zero), and the keys of the columns are odd and no multiples of each other.
SHOAL_INLINE std::uint64_t hash_key(std::uint64_t column) {
  const std::uint64_t at_column = (column + 1) * 0x9E3779B97F4A7C15u;
  return (at_column ^ at_column >> 29) | 1;
}
template <class T>
SHOAL_INLINE std::uint64_t hash_part(T value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Bits bits = value == T{0} ? Bits{0} : std::bit_cast<Bits>(value);
  return bits ^ bits >> (4 * sizeof(T));
}
SHOAL_INLINE std::uint64_t hash_end(std::uint64_t sum) {
  sum ^= sum >> 32;
  sum *= 0xD6E8FEB86659FD93u;
  return sum ^ sum >> 32;
}

}  // namespace shoal::centroid
