// Loops over blocks of samples: the same bits for any number of threads.
//
// The cut into blocks depends on the data alone (their number, their width), never on the threads. A block is
// worked on by one thread; what blocks add up is added in block order. So threads change who computes a number,
// not which number. Exceptions and interrupts inside a block reach the caller; nothing escapes an OpenMP region.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include "parallel/run.hpp"
#include "parallel/threads.hpp"

namespace shoal::parallel {

/// A cut of [0, n) into blocks of `length` (the last may be shorter).
struct Blocks {
  std::ptrdiff_t n = 0;
  std::ptrdiff_t length = 1;

  std::ptrdiff_t count() const { return (n + length - 1) / length; }
  std::ptrdiff_t begin(std::ptrdiff_t block) const { return block * length; }
  std::ptrdiff_t end(std::ptrdiff_t block) const { return std::min(n, (block + 1) * length); }
};

/// Tests force every cut to this length, to have many blocks on little data; 0 leaves the choice to the kernel.
std::ptrdiff_t forced_block_length();
void force_block_length(std::ptrdiff_t length);

/// Blocks of about `target_bytes` of input at `bytes_per_item`, a multiple of `multiple` items long.
Blocks blocks_of(std::ptrdiff_t n, std::size_t bytes_per_item, std::size_t target_bytes = std::size_t{1} << 17,
                 std::ptrdiff_t multiple = 64);

/// At most `max_count` blocks, each at least `min_length` long: for reductions that keep one partial per block.
Blocks blocks_at_most(std::ptrdiff_t n, std::ptrdiff_t max_count, std::ptrdiff_t min_length = 256);

/// This thread's number inside a parallel region (0 without OpenMP).
int detail_thread_id();

/// Below this much work (in rough nanoseconds) a fork and join costs more than it gains.
inline constexpr double serial_work_ns = 40e3;

/// For a loop that is one of thousands of short steps, each waiting for the one before: `work_ns` when it is enough
/// that a thread which the system has put aside for a while costs less than it gives, else 0.
inline double work_of_step(double work_ns) {
  return work_ns < 100e3 ? 0 : work_ns;
}

/// Calls body(block, thread) for every block. `work_ns` is a rough estimate of the whole work on one thread.
/// Precondition: body(b, t) touches only what belongs to block b or to thread t < n_threads().
template <class Body>
void for_blocks(const Blocks& blocks, Run& run, double work_ns, Body&& body) {
  const std::ptrdiff_t count = blocks.count();
  const int threads = static_cast<int>(std::min<std::ptrdiff_t>(n_threads(), count));
  if (threads <= 1 || work_ns < serial_work_ns) {
    for (std::ptrdiff_t b = 0; b < count; ++b) {
      body(b, 0);
      run.checkpoint();
    }
    return;
  }
#if defined(_OPENMP)
  std::atomic<std::ptrdiff_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  {
    const int thread = detail_thread_id();
    for (;;) {
      const std::ptrdiff_t b = next.fetch_add(1, std::memory_order_relaxed);
      if (b >= count || failed.load(std::memory_order_relaxed) || run.stopped()) break;
      try {
        body(b, thread);
        if (thread == 0) run.tick();
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
  run.checkpoint();  // the entering thread may have come too late for a block, time and again
#endif
}

/// Sum of body(block, thread) over blocks, added in block order.
template <class T, class Body>
T sum_blocks(const Blocks& blocks, Run& run, double work_ns, Body&& body) {
  std::vector<T> partial(static_cast<std::size_t>(blocks.count()));
  for_blocks(blocks, run, work_ns,
             [&](std::ptrdiff_t b, int thread) { partial[static_cast<std::size_t>(b)] = body(b, thread); });
  T total{};
  for (const T& value : partial) total += value;
  return total;
}

}  // namespace shoal::parallel
