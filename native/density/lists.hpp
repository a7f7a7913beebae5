// Some neighbours of every sample, kept from one pass to the next.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"

namespace shoal::density {

/// For every sample some samples within its reach.
class Lists {
 public:
  Lists(Index n, double min_samples)
      : room_(static_cast<Index>(std::clamp(std::ceil(min_samples) - 1, 8.0, 16.0))),
        found_(static_cast<std::size_t>(n * room_)),
        count_(static_cast<std::size_t>(n)) {}
  void add(Index i, Index found) {
    if (found == i) return;
    std::int8_t& count = count_[static_cast<std::size_t>(i)];
    if (count == room_ || count < 0) return lose(i);
    found_[static_cast<std::size_t>(i * room_ + count++)] = static_cast<std::int32_t>(found);
  }
  /// There are others.
  void lose(Index i) {
    std::int8_t& count = count_[static_cast<std::size_t>(i)];
    if (count >= 0) count = static_cast<std::int8_t>(-1 - count);
  }
  /// There are no others.
  bool is_whole(Index i) const { return count_[static_cast<std::size_t>(i)] >= 0; }
  std::span<const std::int32_t> of(Index i) const {
    const std::int8_t count = count_[static_cast<std::size_t>(i)];
    return {found_.data() + i * room_, static_cast<std::size_t>(count >= 0 ? count : -1 - count)};
  }

 private:
  Index room_;
  std::vector<std::int32_t> found_;
  std::vector<std::int8_t> count_;  // -1 - count when there are others
};

}  // namespace shoal::density
