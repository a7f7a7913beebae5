// Labels of new samples: that of the nearest core sample within reach.
#include <array>
#include <limits>

#include "density/cells.hpp"
#include "density/dbscan.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

template <Norm N, int D, class T>
void nearest_cores(const CellTree& tree, std::span<const std::int32_t> core_labels, Points<const T> x,
                   const Reach& reach, std::span<std::int32_t> out, Run& run) {
  const Index d = x.n_features;
  const ReachKernels& kernels = reach_kernels(reach.norm, d);
  const parallel::Blocks blocks =
      parallel::blocks_of(x.n_samples, static_cast<std::size_t>(d) * sizeof(T), std::size_t{1} << 12);
  const double work = 500.0 * static_cast<double>(x.n_samples);
  parallel::for_blocks(blocks, run, work, [&](Index b, int thread) {
    std::vector<double> box(static_cast<std::size_t>(2 * d));
    std::array<double, max_leaf + block_padding> norms;
    std::vector<std::int32_t> stack;
    for (Index i = blocks.begin(b); i < blocks.end(b) && !run.interrupted(thread); ++i) {
      std::copy_n(x.row(i), d, box.begin());
      std::copy_n(x.row(i), d, box.begin() + d);
      double best = reach.radius;
      std::int32_t nearest = -1;
      stack.assign(1, 0);
      while (!stack.empty()) {
        const Index at = stack.back();
        stack.pop_back();
        const Node& node = tree.nodes[static_cast<std::size_t>(at)];
        if (!(gap<N, D>(box.data(), tree.box(at), d, reach.p) <= best)) continue;
        if (!node.is_leaf()) {
          const bool right_first = gap<N, D>(box.data(), tree.box(node.left + 1), d, reach.p) <
                                   gap<N, D>(box.data(), tree.box(node.left), d, reach.p);
          stack.push_back(right_first ? node.left : node.left + 1);
          stack.push_back(right_first ? node.left + 1 : node.left);
          continue;
        }
        kernels.norms({box.data(), 1, 1, d}, tree.block(node), reach, norms.data(), std::ssize(norms));
        for (Index j = 0; j < node.size(); ++j) {
          const double here = norms[static_cast<std::size_t>(j)];
          const std::int32_t core = tree.index[static_cast<std::size_t>(node.begin + j)];
          if (here < best || (here == best && (nearest < 0 || core < nearest))) {
            best = here;
            nearest = core;
          }
        }
      }
      out[static_cast<std::size_t>(i)] = nearest < 0 ? -1 : core_labels[static_cast<std::size_t>(nearest)];
    }
  });
}

}  // namespace

template <class T>
void dbscan_predict(Points<const T> cores, std::span<const std::int32_t> core_labels, Points<const T> x,
                    const Reach& reach, std::span<std::int32_t> out, Run& run) {
  const CellTree tree =
      build_cells(cores, {}, reach, std::numeric_limits<double>::infinity(), cell_size(x.n_features), run);
  with_norm(reach.norm, x.n_features,
            [&](auto norm, auto d) { nearest_cores<norm(), d()>(tree, core_labels, x, reach, out, run); });
}

#define SHOAL_INSTANTIATE(T)                                                                                  \
  template void dbscan_predict(Points<const T>, std::span<const std::int32_t>, Points<const T>, const Reach&, \
                               std::span<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::density
