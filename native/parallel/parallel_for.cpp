#include "parallel/parallel_for.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace shoal::parallel {
namespace {
std::atomic<std::ptrdiff_t> forced{0};
}

std::ptrdiff_t forced_block_length() {
  return forced.load(std::memory_order_relaxed);
}
void force_block_length(std::ptrdiff_t length) {
  forced.store(std::max<std::ptrdiff_t>(length, 0));
}

Blocks blocks_of(std::ptrdiff_t n, std::size_t bytes_per_item, std::size_t target_bytes, std::ptrdiff_t multiple) {
  if (const auto length = forced_block_length(); length > 0) return {n, length};
  const auto items = static_cast<std::ptrdiff_t>(target_bytes / std::max<std::size_t>(bytes_per_item, 1));
  return {n, std::clamp<std::ptrdiff_t>(items / multiple, 1, 4096 / multiple + 1) * multiple};
}

Blocks blocks_at_most(std::ptrdiff_t n, std::ptrdiff_t max_count, std::ptrdiff_t min_length) {
  if (const auto length = forced_block_length(); length > 0) return {n, length};
  const std::ptrdiff_t even = (n + max_count - 1) / std::max<std::ptrdiff_t>(max_count, 1);
  return {n, std::max({even, min_length, std::ptrdiff_t{1}})};
}

int detail_thread_id() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

}  // namespace shoal::parallel
