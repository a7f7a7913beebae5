// Every cluster's nearest neighbour, the first of several, followed as the rows of a triangle, upper or lower, are seen
// in order.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "hierarchy/triangle.hpp"
#include "simd/aligned.hpp"

namespace shoal::hierarchy {

template <class T>
struct Neighbours {
  AlignedVector<T> least, second;     // of cluster i: the smallest distance, and the next (of another cluster)
  std::vector<std::int32_t> nearest;  // at distance least

  /// Of n >= 1 clusters; none seen. Where all are infinitely far, the first. `with_second`: keeps `second`, too.
  void start(Index n, bool with_second) {
    constexpr T inf = std::numeric_limits<T>::infinity();
    least.assign(static_cast<std::size_t>(n), inf);
    second.assign(static_cast<std::size_t>(with_second ? n : 0), inf);
    nearest.assign(static_cast<std::size_t>(n), 0);
    nearest[0] = n > 1 ? 1 : 0;
    // whole vectors can be read
    nothing_.assign(static_cast<std::size_t>(n) + 64 / sizeof(T), inf);
    std::fill_n(nothing_.begin(), n, T{0});
  }

  // --- of an upper triangle ----------------------------------------------------------------------------------------
  /// Row i. Rows must be seen in order. Precondition: started with `second`.
  void see(const Triangle<T>& triangle, Index i) {
    const T* values = triangle.row(i) + i + 1;
    const auto n = std::ssize(nearest);
    const auto own = static_cast<std::size_t>(i);
    if (i + 1 >= n) return;
    T value, next;
    const Index behind = triangle_kernels<T>().first_min(values, nothing_.data() + i + 1, n - i - 1, &value, &next);
    if (behind >= 0 && value < least[own]) {
      next = std::min(least[own], next);
      least[own] = value;
      nearest[own] = static_cast<std::int32_t>(i + 1 + behind);
    } else {
      next = value;
    }
    second[own] = std::min(second[own], next);
    triangle_kernels<T>().offer(values, n - i - 1, static_cast<std::int32_t>(i), least.data() + i + 1,
                                second.data() + i + 1, nearest.data() + i + 1);
  }

  // --- of a lower triangle, without `second` -----------------------------------------------------------------------
  /// Offers i, which is values[j] away from all j in [begin, end) before it; returns the least of these.
  T offer(const T* values, Index i, Index begin, Index end) {
    T* own = least.data() + begin;
    return triangle_kernels<T>().offer(values, end - begin, static_cast<std::int32_t>(i), own, own,
                                       nearest.data() + begin);
  }
  /// The first before i that is as near as any: `value`. What is behind i may have made offers.
  void take(Index i, std::int32_t first, T value) {
    if (!(value <= least[static_cast<std::size_t>(i)])) return;
    least[static_cast<std::size_t>(i)] = value;
    nearest[static_cast<std::size_t>(i)] = first;
  }

 private:
  AlignedVector<T> nothing_;
};

}  // namespace shoal::hierarchy
