// Disjoint sets that threads unite at the same time, without a lock.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/points.hpp"

namespace shoal::density {

/// Sets of positions; the root of a set is its smallest position.
class Sets {
 public:
  explicit Sets(Index n) : parent_(std::make_unique<std::atomic<std::int32_t>[]>(static_cast<std::size_t>(n))) {
    for (Index i = 0; i < n; ++i) set(i, i);
  }
  /// Before any thread looks: a parent at or below i.
  void set(Index i, Index parent) {
    parent_[static_cast<std::size_t>(i)].store(static_cast<std::int32_t>(parent), std::memory_order_relaxed);
  }
  Index find(Index i) {
    for (;;) {
      const Index up = parent(i);
      if (up == i) return i;
      const Index above = parent(up);
      if (above == up) return up;
      set(i, above);  // an ancestor, whoever else writes here
      i = above;
    }
  }
  void unite(Index a, Index b) {
    for (;;) {
      a = find(a);
      b = find(b);
      if (a == b) return;
      if (a < b) std::swap(a, b);
      auto expected = static_cast<std::int32_t>(a);
      if (parent_[static_cast<std::size_t>(a)].compare_exchange_weak(expected, static_cast<std::int32_t>(b),
                                                                     std::memory_order_relaxed))
        return;
    }
  }

 private:
  Index parent(Index i) const { return parent_[static_cast<std::size_t>(i)].load(std::memory_order_relaxed); }
  std::unique_ptr<std::atomic<std::int32_t>[]> parent_;
};

}  // namespace shoal::density
