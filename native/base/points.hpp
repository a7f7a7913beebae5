// Views on the caller's data. Nothing here owns memory.
#pragma once
#include <cassert>
#include <cstddef>
#include <span>

namespace shoal {

using Index = std::ptrdiff_t;

/// Row-major samples: row i is `features` consecutive values at data + i * features.
template <class T>
struct Points {
  T* data = nullptr;
  Index n_samples = 0;
  Index n_features = 0;

  T* row(Index i) const {
    assert(i >= 0 && i < n_samples);
    return data + i * n_features;
  }
  std::span<T> operator[](Index i) const { return {row(i), static_cast<std::size_t>(n_features)}; }
  /// Rows [begin, end).
  Points slice(Index begin, Index end) const {
    assert(begin >= 0 && begin <= end && end <= n_samples);
    return {data + begin * n_features, end - begin, n_features};
  }
  std::size_t size() const { return static_cast<std::size_t>(n_samples * n_features); }
  operator Points<const T>() const { return {data, n_samples, n_features}; }
};

/// One non-negative weight per sample, or none: then every sample weighs one and no array exists.
template <class T>
struct Weights {
  const T* data = nullptr;

  explicit operator bool() const { return data != nullptr; }
  T operator[](Index i) const { return data ? data[i] : T{1}; }
};

}  // namespace shoal
