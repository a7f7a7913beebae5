// A block of samples that shrinks as they find what they look for.
#pragma once
#include <algorithm>
#include <array>

#include "density/cells.hpp"
#include "density/screen.hpp"
#include "simd/aligned.hpp"

namespace shoal::density {

/// Samples that still look for something, feature by feature.
struct Queries {
  AlignedVector<double> data;
  std::array<Index, max_leaf> position;
  Index n = 0;
  Index n_features = 0;
  AlignedVector<float> quick;  // the same for the screen
  std::array<float, max_leaf> half_norm{};

  explicit Queries(Index d)
      : data(static_cast<std::size_t>(max_leaf * d + block_padding)),
        n_features(d),
        quick(static_cast<std::size_t>(max_leaf * d)) {}
  Block block() const { return {data.data(), max_leaf, n, n_features}; }
  ScreenBlock quick_block() const { return {quick.data(), max_leaf, half_norm.data(), n, n_features}; }
  /// After add(): what the screen sees of that sample.
  void add_quick(const ScreenBlock& leaf, Index i) {
    const Index at = n - 1;
    for (Index f = 0; f < n_features; ++f)
      quick[static_cast<std::size_t>(f * max_leaf + at)] = leaf.data[f * leaf.stride + i];
    half_norm[static_cast<std::size_t>(at)] = leaf.half_norm[i];
  }
  /// Sample i of a leaf, which is at position `at`.
  void add(const double* leaf, Index stride, Index i, Index at) {
    for (Index f = 0; f < n_features; ++f) data[static_cast<std::size_t>(f * max_leaf + n)] = leaf[f * stride + i];
    position[static_cast<std::size_t>(n++)] = at;
  }
  /// Query i of others.
  void add(const Queries& other, Index i) { put(n++, other, i); }
  /// The last query takes the place of query i.
  void drop(Index i) { put(i, *this, --n); }
  void put(Index at, const Queries& other, Index i) {
    for (Index f = 0; f < n_features; ++f) {
      data[static_cast<std::size_t>(f * max_leaf + at)] = other.data[static_cast<std::size_t>(f * max_leaf + i)];
      quick[static_cast<std::size_t>(f * max_leaf + at)] = other.quick[static_cast<std::size_t>(f * max_leaf + i)];
    }
    half_norm[static_cast<std::size_t>(at)] = other.half_norm[static_cast<std::size_t>(i)];
    position[static_cast<std::size_t>(at)] = other.position[static_cast<std::size_t>(i)];
  }
  void bound(double* box) const {
    for (Index f = 0; f < n_features; ++f) {
      const double* x = data.data() + f * max_leaf;
      box[f] = *std::min_element(x, x + n);
      box[n_features + f] = *std::max_element(x, x + n);
    }
  }
};

}  // namespace shoal::density
