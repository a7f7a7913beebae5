#include "base/extremes.hpp"

#include <limits>
#include <type_traits>
#include <vector>

#include "base/levels.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::base {
namespace {

template <class T>
const ExtremesKernel<T>& kernel() {
  if constexpr (std::is_same_v<T, float>)
    return SHOAL_PICK_TABLE(extremes_f32);
  else
    return SHOAL_PICK_TABLE(extremes_f64);
}

}  // namespace

template <class T>
Extremes<T> extremes(std::span<const T> values, Run& run) {
  const auto n = static_cast<Index>(values.size());
  const parallel::Blocks blocks = parallel::blocks_of(n, sizeof(T), std::size_t{1} << 18);
  std::vector<Extremes<T>> of_block(static_cast<std::size_t>(blocks.count()));
  const double ns = 0.1 * static_cast<double>(sizeof(T)) * static_cast<double>(n);
  parallel::for_blocks(blocks, run, ns, [&](Index b, int) {
    of_block[static_cast<std::size_t>(b)] =
        kernel<T>().of(values.data() + blocks.begin(b), blocks.end(b) - blocks.begin(b));
  });
  constexpr T inf = std::numeric_limits<T>::infinity();
  Extremes<T> all{inf, -inf};
  for (const Extremes<T>& one : of_block) {
    if (one.low != one.low) return one;
    if (one.low < all.low) all.low = one.low;
    if (one.high > all.high) all.high = one.high;
  }
  return all;
}

template Extremes<float> extremes(std::span<const float>, Run&);
template Extremes<double> extremes(std::span<const double>, Run&);

}  // namespace shoal::base
