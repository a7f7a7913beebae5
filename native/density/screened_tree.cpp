#include "density/screened_tree.hpp"

#include <array>

#include "parallel/parallel_for.hpp"

namespace shoal::density {

const ScreenKernels& screen_kernels() {
  return SHOAL_PICK_TABLE(screen_table);
}

ScreenedTree::ScreenedTree(const CellTree& tree, const Reach& reach, Run& run) : d_(tree.n_features) {
  const double half_radius = reach.radius / 2;
  if (reach.norm != Norm::sq_euclidean || d_ < 10 || !(half_radius > 1e-30 && half_radius < 1e30)) return;
  std::vector<double> mean(static_cast<std::size_t>(d_));
  const double* root = tree.box(0);
  for (Index f = 0; f < d_; ++f) {
    run.checkpoint();
    if (!(root[d_ + f] - root[f] < 1e15)) return;
    for (const std::int32_t l : tree.leaves) {
      const Node& leaf = tree.nodes[static_cast<std::size_t>(l)];
      const double* x = tree.block(leaf).data + f * leaf.size();
      for (Index i = 0; i < leaf.size(); ++i) mean[static_cast<std::size_t>(f)] += x[i] - root[f];
    }
    mean[static_cast<std::size_t>(f)] =
        mean[static_cast<std::size_t>(f)] / static_cast<double>(tree.n_samples) + root[f];
  }
  half_radius_ = static_cast<float>(half_radius);
  margin_ = screen_margin(d_);
  data_.resize(static_cast<std::size_t>(tree.n_samples * d_ + screen_padding));
  half_norm_.resize(static_cast<std::size_t>(tree.n_samples + screen_padding));
  const auto n_leaves = static_cast<Index>(tree.leaves.size());
  const parallel::Blocks blocks{n_leaves, 64};
  parallel::for_blocks(blocks, run, 2.0 * static_cast<double>(tree.n_samples * d_), [&](Index b, int) {
    std::array<double, max_leaf> sum;
    for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
      const Node& leaf = tree.nodes[static_cast<std::size_t>(tree.leaves[static_cast<std::size_t>(l)])];
      const Block block = tree.block(leaf);
      float* to = data_.data() + leaf.begin * d_;
      sum.fill(0);
      for (Index f = 0; f < d_; ++f)
        for (Index i = 0; i < leaf.size(); ++i) {
          const auto value = static_cast<float>(block.data[f * block.stride + i] - mean[static_cast<std::size_t>(f)]);
          to[f * leaf.size() + i] = value;
          sum[static_cast<std::size_t>(i)] += static_cast<double>(value) * static_cast<double>(value);
        }
      for (Index i = 0; i < leaf.size(); ++i)
        half_norm_[static_cast<std::size_t>(leaf.begin + i)] = static_cast<float>(sum[static_cast<std::size_t>(i)] / 2);
    }
  });
}

void ScreenedTree::reorder(const Node& leaf, const Index* order) {
  std::array<float, max_leaf> copy;
  for (Index f = 0; f <= d_; ++f) {
    float* row = f < d_ ? data_.data() + leaf.begin * d_ + f * leaf.size() : half_norm_.data() + leaf.begin;
    std::copy_n(row, leaf.size(), copy.begin());
    for (Index i = 0; i < leaf.size(); ++i) row[i] = copy[static_cast<std::size_t>(order[i])];
  }
}

}  // namespace shoal::density
