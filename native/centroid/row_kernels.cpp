#include "centroid/row_kernels.hpp"

#include <type_traits>

#include "centroid/levels.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {

template <class T>
const RowKernels<T>& row_kernels() {
  if constexpr (std::is_same_v<T, float>)
    return SHOAL_PICK_TABLE(row_kernels_f32);
  else
    return SHOAL_PICK_TABLE(row_kernels_f64);
}

template <class T>
std::vector<std::uint64_t> hash_all(const Rows<T>& x, Run& run) {
  std::vector<std::uint64_t> out(static_cast<std::size_t>(x.n_samples));
  std::vector<std::uint64_t> keys(static_cast<std::size_t>(x.sparse() ? 0 : x.n_features));
  for (std::size_t p = 0; p < keys.size(); ++p) keys[p] = hash_key(p);
  const parallel::Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
  parallel::for_blocks(blocks, run, 0.5 * x.size(), [&](Index b, int) {
    std::uint64_t* to = out.data() + blocks.begin(b);
    const Index n = blocks.end(b) - blocks.begin(b);
    if (!x.sparse()) return row_kernels<T>().hash_rows(x.dense.row(blocks.begin(b)), n, x.n_features, keys.data(), to);
    for (Index i = 0; i < n; ++i) to[i] = x.hash(blocks.begin(b) + i);
  });
  return out;
}

#define SHOAL_INSTANTIATE(T)                   \
  template const RowKernels<T>& row_kernels(); \
  template std::vector<std::uint64_t> hash_all(const Rows<T>&, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
