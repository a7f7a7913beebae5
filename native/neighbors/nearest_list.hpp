// The k nearest so far of one query: distances with rows, the smaller row first among equals.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/points.hpp"

namespace shoal::neighbors {

template <class T>
struct Near {
  T distance;
  std::int32_t row;
  friend bool operator<(const Near& a, const Near& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
  }
};

/// For those that need as many neighbours as it takes: lists of k, then 2 k, 4 k, ... up to `most`, for the open ones
/// alone and some MiB of lists at a time. look(open ones, k) makes their lists; settle(open one, its place among them,
/// k) says whether its list was long enough.
template <class Open, class Look, class Settle>
void lengthen_lists(std::vector<Open> open, Index k, Index most, Look&& look, Settle&& settle) {
  constexpr std::size_t bytes = std::size_t{64} << 20;
  for (; !open.empty(); k = std::min(most, 2 * k)) {
    const auto at_once = std::max<std::size_t>(1, bytes / (static_cast<std::size_t>(k) * sizeof(Near<double>)));
    std::size_t left = 0;
    for (std::size_t begin = 0; begin < open.size(); begin += at_once) {
      const std::size_t count = std::min(at_once, open.size() - begin);
      look(std::span<const Open>(open).subspan(begin, count), k);
      for (std::size_t i = 0; i < count; ++i)
        if (const Open own = open[begin + i]; !settle(own, i, k)) open[left++] = own;
    }
    if (k == most) return;
    open.resize(left);
  }
}

/// A pool of up to twice k: when it is full, selection leaves the k nearest and tells the worst of them. O(1) per offer
/// whatever k.
template <class T>
class NearestList {
 public:
  explicit NearestList(Index k) : k_(static_cast<std::size_t>(k)), most_(2 * k_ + 16) { pool_.reserve(most_); }

  /// Begins anew; what is beyond `bound` is not wanted.
  void start(T bound) {
    pool_.clear();
    worst_ = {bound, std::numeric_limits<std::int32_t>::max()};
  }
  const Near<T>& worst() const { return worst_; }
  void offer(T distance, std::int32_t row) {
    const Near<T> near{distance, row};
    if (!(near < worst_)) return;
    pool_.push_back(near);
    if (pool_.size() == most_) shrink();
  }
  /// The k nearest, or all when there are fewer; the first n_sorted of them in order, and the k-th in its place.
  std::span<const Near<T>> finish(Index n_sorted) {
    if (pool_.size() > k_)
      shrink();
    else if (!pool_.empty())
      std::nth_element(pool_.begin(), pool_.end() - 1, pool_.end());
    const auto middle = pool_.begin() + std::min<Index>(n_sorted, std::ssize(pool_));
    if (middle < pool_.end()) std::nth_element(pool_.begin(), middle, pool_.end() - 1);
    std::sort(pool_.begin(), middle);
    return pool_;
  }

 private:
  void shrink() {
    const auto last = pool_.begin() + static_cast<Index>(k_) - 1;
    std::nth_element(pool_.begin(), last, pool_.end());
    pool_.resize(k_);
    worst_ = pool_.back();
  }

  std::size_t k_, most_;
  std::vector<Near<T>> pool_;
  Near<T> worst_{};
};

}  // namespace shoal::neighbors
