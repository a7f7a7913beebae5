#include "centroid/unit_rows.hpp"

#include "distance/unit.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {

template <class T>
void unit_rows(const Rows<T>& x, T* out, Run& run) {
  const parallel::Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
  parallel::for_blocks(blocks, run, 4 * x.size(), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      if (!x.sparse()) {
        distance::scale_to_unit(x.dense.row(i), nullptr, x.n_features, out + i * x.n_features);
        continue;
      }
      const Index first = x.csr.start[i];
      distance::scale_to_unit(x.csr.value + first, x.csr.column + first, x.csr.start[i + 1] - first, out + first);
    }
  });
}

template void unit_rows(const Rows<float>&, float*, Run&);
template void unit_rows(const Rows<double>&, double*, Run&);

}  // namespace shoal::centroid
