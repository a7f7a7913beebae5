// Rows for the tests. Vectors hold exactly what is asked for, so that a sanitizer sees a kernel that reads beyond.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "base/points.hpp"
#include "random/philox.hpp"
#include "simd/level.hpp"
#include "tests/check.hpp"
#include "tests/settings.hpp"

namespace shoal::tests {

/// n x d values.
template <class T>
struct Sample {
  Index n, d;
  std::vector<T> values;

  Points<const T> points() const { return {values.data(), n, d}; }
};

/// Whole numbers 0, 1, 2, 3: full of copies and ties.
template <class T>
Sample<T> lattice(Index n, Index d, std::uint64_t seed = 1) {
  random::Stream stream(seed, 0);
  Sample<T> out{n, d, {}};
  for (Index i = 0; i < n * d; ++i) out.values.push_back(static_cast<T>(stream.below(4)));
  return out;
}

/// Normal around one of `k` places, as many in each.
template <class T>
Sample<T> groups(Index n, Index d, Index k, std::uint64_t seed = 1) {
  random::Stream stream(seed, 1);
  Sample<T> out{n, d, {}};
  for (Index i = 0; i < n; ++i)
    for (Index p = 0; p < d; ++p)
      out.values.push_back(static_cast<T>(stream.normal() + 9 * std::cos(static_cast<double>((i % k + 1) * (p + 1)))));
  return out;
}

template <class T>
double sq_distance(Points<const T> x, Index i, Points<const T> y, Index j) {
  double sum = 0;
  for (Index p = 0; p < x.n_features; ++p) {
    const double difference = static_cast<double>(x.row(i)[p]) - static_cast<double>(y.row(j)[p]);
    sum += difference * difference;
  }
  return sum;
}

/// body() on every instruction-set level there is.
template <class Body>
void on_every_level(Body&& body) {
  for (const simd::Level level : simd::available()) {
    const UseLevel use(level);
    body();
  }
}

}  // namespace shoal::tests
