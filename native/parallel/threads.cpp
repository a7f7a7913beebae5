#include "parallel/threads.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define SHOAL_HAS_FORK 1
#endif

namespace shoal::parallel {
namespace {

thread_local int limit = 0;
thread_local int team = 0;  // of the kernel that runs on this thread
std::atomic<int> processor_cap{0};
std::atomic<bool> forked_child{false};

#if defined(SHOAL_HAS_FORK)
[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { forked_child.store(true, std::memory_order_relaxed); });
#endif

}  // namespace

int set_thread_limit(int n) {
  return std::exchange(limit, std::max(n, 0));
}

int thread_limit() {
  return limit;
}

void set_processor_cap(int n) {
  processor_cap.store(std::max(n, 0), std::memory_order_relaxed);
}

bool has_openmp() {
#if defined(_OPENMP)
  return true;
#else
  return false;
#endif
}

int n_threads() {
#if defined(_OPENMP)
  if (forked_child.load(std::memory_order_relaxed)) return 1;
  if (omp_in_parallel()) return 1;
  if (team > 0) return team;
  if (limit > 0) return limit;
  const int cap = processor_cap.load(std::memory_order_relaxed);
  const int n = omp_get_max_threads();
  return std::max(1, cap > 0 ? std::min(n, cap) : n);
#else
  return 1;
#endif
}

Team::Team() : before_(std::exchange(team, 0)) {
  team = n_threads();
}
Team::~Team() {
  team = before_;
}

}  // namespace shoal::parallel
