// The clusters that have not merged yet, on a triangle of distances that shrinks with them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "hierarchy/triangle.hpp"
#include "simd/aligned.hpp"

namespace shoal::hierarchy {

/// Positions 0 ... n - 1 in the order of the rows they came from; some of them have merged.
template <class T>
class Living {
 public:
  static constexpr T inf = std::numeric_limits<T>::infinity();

  Living(Triangle<T>& triangle, Weights<double> weight)
      : triangle_(triangle), kernels_(triangle_kernels<T>()), n_(triangle.n()) {
    // whole vectors can be read
    const std::size_t room = size_t_of(n_) + 64 / sizeof(T);
    penalty_.assign(room, inf);
    std::fill_n(penalty_.begin(), n_, T{0});
    size_.assign(room, T{1});
    for (Index i = 0; i < n_; ++i) size_[size_t_of(i)] = static_cast<T>(weight[i]);
    row_.assign(room, T{0});
    to_x_.assign(room, T{0});
    to_y_.assign(room, T{0});
    name_.resize(size_t_of(n_));
    std::iota(name_.begin(), name_.end(), 0);
    alive_ = name_;
  }

  Index n() const { return n_; }
  const std::vector<std::int32_t>& alive() const { return alive_; }
  std::int32_t name(Index i) const { return name_[size_t_of(i)]; }
  T distance(Index i, Index j) { return triangle_.at(i, j); }

  /// The nearest to x of all; the first of several. No other is nearer than *second.
  std::int32_t nearest(std::int32_t x, T* least, T* second) {
    read(x, row_);
    return nearest_in_row(x, least, second);
  }
  /// The same after unite(x, y), to y.
  std::int32_t nearest_in_row(std::int32_t x, T* least, T* second) const {
    const Index first = kernels_.first_min(row_.data(), penalty_.data(), n_, least, second);
    if (first >= 0) return static_cast<std::int32_t>(first);
    return alive_.front() == x && alive_.size() > 1 ? alive_[1] : alive_.front();  // all infinitely far
  }
  /// The nearest of those behind x. Precondition: x is not the last.
  std::int32_t nearest_beyond(std::int32_t x, T* least, T* second) {
    const Index first =
        kernels_.first_min(triangle_.row(x) + x + 1, penalty_.data() + x + 1, n_ - x - 1, least, second);
    return static_cast<std::int32_t>(first < 0 ? n_ - 1 : x + 1 + first);
  }

  /// Puts the union of x < y at y; returns its distances to the living.
  const T* unite(Update update, std::int32_t x, std::int32_t y, T distance) {
    read(x, to_x_);
    read(y, to_y_);
    T& size_y = size_[size_t_of(y)];
    const T size_x = size_[size_t_of(x)];
    const Pair pair{static_cast<double>(distance), static_cast<double>(size_x), static_cast<double>(size_y)};
    alive_.erase(std::lower_bound(alive_.begin(), alive_.end(), x));
    penalty_[size_t_of(x)] = inf;
    kernels_.merge_rows(update, to_x_.data(), to_y_.data(), size_.data(), n_, pair, row_.data());
    row_[size_t_of(y)] = inf;
    size_y += size_x;
    for (const std::int32_t i : alive_) {
      if (i >= y) break;
      triangle_.row(i)[y] = row_[size_t_of(i)];
    }
    std::copy(row_.begin() + y + 1, row_.begin() + n_, triangle_.row(y) + y + 1);
    return row_.data();
  }

  /// True when half have gone.
  bool sparse() const { return 2 * static_cast<Index>(alive_.size()) <= n_ && n_ > 64; }
  /// Gives the living the positions 0, 1, ... and calls moved(old, new) in ascending order.
  template <class Moved>
  void cut_down(Moved&& moved, Run& run) {
    const auto m = static_cast<Index>(alive_.size());
    triangle_.keep(alive_, run);
    for (Index i = 0; i < m; ++i) {
      const std::int32_t old = alive_[size_t_of(i)];
      size_[size_t_of(i)] = size_[size_t_of(old)];
      name_[size_t_of(i)] = name_[size_t_of(old)];
      penalty_[size_t_of(i)] = 0;
      moved(old, static_cast<std::int32_t>(i));
    }
    std::fill(penalty_.begin() + m, penalty_.end(), inf);
    n_ = m;
    alive_.resize(size_t_of(m));
    std::iota(alive_.begin(), alive_.end(), 0);
  }

 private:
  static std::size_t size_t_of(Index i) { return static_cast<std::size_t>(i); }

  // out[i] = distance of x to i, for the living.
  void read(std::int32_t x, AlignedVector<T>& out) {
    T* to = out.data();
    for (const std::int32_t i : alive_) {
      if (i >= x) break;
      to[i] = triangle_.row(i)[x];
    }
    to[x] = inf;
    const T* row = triangle_.row(x);
    std::copy(row + x + 1, row + n_, to + x + 1);
  }

  Triangle<T>& triangle_;
  const TriangleKernels<T>& kernels_;
  Index n_;
  AlignedVector<T> penalty_;  // 0 for the living, else infinite
  AlignedVector<T> size_, row_, to_x_, to_y_;
  std::vector<std::int32_t> name_;   // a row of the data in the cluster
  std::vector<std::int32_t> alive_;  // ascending
};

}  // namespace shoal::hierarchy
