// Rows scaled to unit length, for the cosine.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/points.hpp"

namespace shoal::distance {

/// out[p] = value[p] / |value|, n values; true unless all are zero, which stay zero. Multiplying the row by a power of
/// two changes no bit of the result, also where squares of its values leave the range of T. `column` (null: 0, 1, ...)
/// says which features the values are: equal rows, dense or sparse with ascending columns, have equal results.
template <class T>
bool scale_to_unit(const T* value, const std::int32_t* column, Index n, T* out) {
  T largest = 0;
  for (Index p = 0; p < n; ++p) largest = std::max(largest, std::abs(value[p]));
  if (!(largest > 0)) {
    std::fill_n(out, n, T{0});
    return false;
  }
  // by a power of two near the largest value: exact, and no square overflows or vanishes that would count
  const int exponent = std::ilogb(largest);
  const double half = std::ldexp(1.0, -exponent / 2);
  const double rest = std::ldexp(1.0, -exponent - -exponent / 2);
  const auto scaled = [&](Index p) { return static_cast<double>(value[p]) * half * rest; };
  double sums[4] = {0, 0, 0, 0};  // by feature, so that features a sparse row leaves out change nothing
  for (Index p = 0; p < n; ++p) sums[(column ? column[p] : p) & 3] += scaled(p) * scaled(p);
  const double norm = std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (Index p = 0; p < n; ++p) out[p] = static_cast<T>(scaled(p) / norm);
  return true;
}

/// True when a row is all zeros: then a cosine search needs one more feature, which gives such rows a direction.
template <class T>
bool has_zero_row(Points<const T> x) {
  for (Index i = 0; i < x.n_samples; ++i) {
    const auto row = x[i];
    if (std::all_of(row.begin(), row.end(), [](T value) { return value == T{0}; })) return true;
  }
  return false;
}

}  // namespace shoal::distance
