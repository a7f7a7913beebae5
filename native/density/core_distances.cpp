#include "density/core_distances.hpp"

#include <array>
#include <limits>

#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

template <Norm N, int D>
class Search {
 public:
  Search(const CellTree& tree, const Reach& reach, Index k)
      : tree_(tree),
        reach_(reach),
        kernels_(reach_kernels(reach.norm, tree.n_features)),
        k_(static_cast<std::size_t>(k)),
        d_(tree.n_features),
        box_(static_cast<std::size_t>(2 * d_)) {
    nearest_.reserve(k_ + 1);
  }

  void leaf(Index leaf, std::span<double> out, Run& run, int thread) {
    const Node& own = tree_.nodes[static_cast<std::size_t>(leaf)];
    const Block block = tree_.block(own);
    for (Index i = 0; i < own.size() && !run.stopped(); ++i) {
      if (thread == 0 && ++queries_ % (d_ < 6 ? 16 : 1) == 0) run.tick();
      for (Index f = 0; f < d_; ++f)
        box_[static_cast<std::size_t>(f)] = box_[static_cast<std::size_t>(d_ + f)] = block.data[f * block.stride + i];
      nearest_.clear();
      worst_ = std::numeric_limits<double>::infinity();
      look(own);
      for (Index at = leaf; tree_.nodes[static_cast<std::size_t>(at)].parent >= 0;) {
        const Index parent = tree_.nodes[static_cast<std::size_t>(at)].parent;
        const Index left = tree_.nodes[static_cast<std::size_t>(parent)].left;
        descend(at == left ? left + 1 : left);
        at = parent;
      }
      out[static_cast<std::size_t>(own.begin + i)] = nearest_.front();
    }
  }

 private:
  double gap_to(Index node) const { return gap<N, D>(box_.data(), tree_.box(node), d_, reach_.p); }

  void descend(Index from) {
    stack_.assign(1, static_cast<std::int32_t>(from));
    while (!stack_.empty()) {
      const Index at = stack_.back();
      stack_.pop_back();
      const Node& node = tree_.nodes[static_cast<std::size_t>(at)];
      if (full() && !(gap_to(at) < worst_)) continue;
      if (node.is_leaf()) {
        look(node);
        continue;
      }
      const bool right_first = gap_to(node.left + 1) < gap_to(node.left);
      stack_.push_back(right_first ? node.left : node.left + 1);
      stack_.push_back(right_first ? node.left + 1 : node.left);
    }
  }

  bool full() const { return nearest_.size() == k_; }

  void look(const Node& node) {
    kernels_.norms(box_.data(), 1, tree_.block(node), reach_, norms_.data());
    for (Index j = 0; j < node.size(); ++j) {
      const double norm = norms_[static_cast<std::size_t>(j)];
      if (full()) {
        if (!(norm < worst_)) continue;
        std::pop_heap(nearest_.begin(), nearest_.end());
        nearest_.back() = norm;
      } else {
        nearest_.push_back(norm);
      }
      std::push_heap(nearest_.begin(), nearest_.end());
      if (full()) worst_ = nearest_.front();
    }
  }

  const CellTree& tree_;
  const Reach& reach_;
  const ReachKernels& kernels_;
  std::size_t k_;
  Index d_;
  std::vector<double> box_;      // the sample, twice
  std::vector<double> nearest_;  // a heap, the largest first
  double worst_ = 0;
  std::array<double, max_leaf + block_padding> norms_{};
  std::vector<std::int32_t> stack_;
  Index queries_ = 0;
};

}  // namespace

void core_norms(const CellTree& tree, const Reach& reach, Index k, std::span<double> out, Run& run) {
  const auto n_leaves = static_cast<Index>(tree.leaves.size());
  Blocks blocks{n_leaves, std::max<Index>(1, std::min<Index>(32, n_leaves / 64))};
  if (const auto length = parallel::forced_block_length(); length > 0) blocks.length = length;
  with_norm(reach.norm, tree.n_features, [&](auto norm, auto d) {
    std::vector<Search<norm(), d()>> search(static_cast<std::size_t>(parallel::n_threads()), {tree, reach, k});
    for_blocks(blocks, run, 1e3 * static_cast<double>(tree.n_samples), [&](Index b, int thread) {
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l)
        search[static_cast<std::size_t>(thread)].leaf(tree.leaves[static_cast<std::size_t>(l)], out, run, thread);
      if (thread == 0)
        run.progress("core distances", static_cast<double>(blocks.end(b)), static_cast<double>(n_leaves));
    });
  });
  run.progress("core distances", 1, 1);
}

template <class T>
CellTree build_search_tree(Points<const T> x, const Reach& reach, Run& run) {
  Reach without = reach;
  without.radius = -1;  // no two samples are within reach of each other, so no node is tight
  return build_cells(x, {}, without, std::numeric_limits<double>::infinity(), x.n_features <= 3 ? 8 : 16, run);
}
template CellTree build_search_tree(Points<const float>, const Reach&, Run&);
template CellTree build_search_tree(Points<const double>, const Reach&, Run&);

void to_distances(std::string_view metric, double p, bool reaching, std::span<double> norms) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (double& value : norms) {
    const double norm = value;
    if (metric == "euclidean") value = std::sqrt(norm);
    if (metric == "cosine") value = norm / 2;
    if (metric == "minkowski") value = std::pow(norm, 1 / p);
    if (!reaching || !(norm > 0 && norm < infinity)) continue;
    while (reach_of(metric, value, p).radius < norm) value = std::nextafter(value, infinity);
    // a few steps are enough but among subnormal squares, where very many roots have the same one
    for (int step = 0; step < 8; ++step) {
      const double less = std::nextafter(value, 0.0);
      if (reach_of(metric, less, p).radius < norm) break;
      value = less;
    }
  }
}

}  // namespace shoal::density
