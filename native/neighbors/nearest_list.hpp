// The k nearest so far of one query: distances with rows, the smaller row first among equals.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/points.hpp"

namespace shoal::neighbors {

/// Kept sorted while k is small, else as a heap with the worst in front. Writes into memory the caller lends.
template <class T>
class NearestList {
 public:
  NearestList() = default;
  NearestList(T* distances, std::int32_t* rows, Index k) : distances_(distances), rows_(rows), k_(k) {
    std::fill_n(distances_, k_, std::numeric_limits<T>::infinity());
    std::fill_n(rows_, k_, std::numeric_limits<std::int32_t>::max());
    place_of_worst_ = sorted() ? k_ - 1 : 0;
  }

  T worst() const { return distances_[place_of_worst_]; }
  /// True when a point at this distance with this row would enter.
  bool takes(T distance, std::int32_t row) const {
    return distance < worst() || (distance == worst() && row < rows_[place_of_worst_]);
  }
  void offer(T distance, std::int32_t row) {
    if (!takes(distance, row)) return;
    if (sorted())
      insert(distance, row);
    else
      sift(0, k_, distance, row);
  }
  void sort() {
    if (sorted()) return;
    for (Index end = k_ - 1; end > 0; --end) {
      const T distance = std::exchange(distances_[end], distances_[0]);
      const std::int32_t row = std::exchange(rows_[end], rows_[0]);
      sift(0, end, distance, row);
    }
  }

 private:
  static constexpr Index longest_sorted = 48;
  bool sorted() const { return k_ <= longest_sorted; }
  static bool before(T a, std::int32_t row_a, T b, std::int32_t row_b) { return a < b || (a == b && row_a < row_b); }

  void insert(T distance, std::int32_t row) {
    Index place = k_ - 1;
    for (; place > 0 && before(distance, row, distances_[place - 1], rows_[place - 1]); --place) {
      distances_[place] = distances_[place - 1];
      rows_[place] = rows_[place - 1];
    }
    distances_[place] = distance;
    rows_[place] = row;
  }
  // puts (distance, row) in at the hole and lets it sink among the first n
  void sift(Index hole, Index n, T distance, std::int32_t row) {
    for (Index child; (child = 2 * hole + 1) < n; hole = child) {
      if (child + 1 < n && before(distances_[child], rows_[child], distances_[child + 1], rows_[child + 1])) ++child;
      if (!before(distance, row, distances_[child], rows_[child])) break;
      distances_[hole] = distances_[child];
      rows_[hole] = rows_[child];
    }
    distances_[hole] = distance;
    rows_[hole] = row;
  }

  T* distances_ = nullptr;
  std::int32_t* rows_ = nullptr;
  Index k_ = 0;
  Index place_of_worst_ = 0;
};

}  // namespace shoal::neighbors
