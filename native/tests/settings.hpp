// Settings a test changes and must give back.
#pragma once
#include "parallel/parallel_for.hpp"
#include "parallel/threads.hpp"
#include "simd/level.hpp"

namespace shoal::tests {

/// This thread's kernels use n threads while it lives.
class ThreadLimit {
 public:
  explicit ThreadLimit(int n) : previous_(parallel::set_thread_limit(n)) {}
  ~ThreadLimit() { parallel::set_thread_limit(previous_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int previous_;
};

/// Every loop is cut into blocks of this length while it lives.
class BlockLength {
 public:
  explicit BlockLength(std::ptrdiff_t length) : previous_(parallel::forced_block_length()) {
    parallel::force_block_length(length);
  }
  ~BlockLength() { parallel::force_block_length(previous_); }
  BlockLength(const BlockLength&) = delete;
  BlockLength& operator=(const BlockLength&) = delete;

 private:
  std::ptrdiff_t previous_;
};

/// Kernels run on this instruction-set level while it lives.
class UseLevel {
 public:
  explicit UseLevel(simd::Level level) : previous_(simd::level()) { simd::set_level(level); }
  ~UseLevel() { simd::set_level(previous_); }
  UseLevel(const UseLevel&) = delete;
  UseLevel& operator=(const UseLevel&) = delete;

 private:
  simd::Level previous_;
};

}  // namespace shoal::tests
