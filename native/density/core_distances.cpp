#include "density/core_distances.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

// The samples of a leaf look together: boxes are looked at once for all, and what comes into the cache serves all.
template <Norm N, int D>
class Search {
 public:
  Search(const CellTree& tree, const Reach& reach, Index k)
      : tree_(tree),
        reach_(reach),
        kernels_(reach_kernels(reach.norm, tree.n_features)),
        k_(static_cast<std::size_t>(k)),
        d_(tree.n_features),
        nearest_(static_cast<std::size_t>(max_leaf)),
        norms_(static_cast<std::size_t>(max_leaf * norms_stride)) {}

  void leaf(Index leaf, std::span<double> out, Run& run, int thread) {
    const Node& own = tree_.nodes[static_cast<std::size_t>(leaf)];
    queries_ = tree_.block(own);
    box_ = tree_.box(leaf);
    for (Index q = 0; q < queries_.n; ++q) {
      nearest_[static_cast<std::size_t>(q)].clear();
      nearest_[static_cast<std::size_t>(q)].reserve(k_);
    }
    worst_ = std::numeric_limits<double>::infinity();
    look(own);
    for (Index at = leaf; tree_.nodes[static_cast<std::size_t>(at)].parent >= 0;) {
      const Index parent = tree_.nodes[static_cast<std::size_t>(at)].parent;
      const Index left = tree_.nodes[static_cast<std::size_t>(parent)].left;
      descend(at == left ? left + 1 : left, run, thread);
      at = parent;
    }
    for (Index q = 0; q < queries_.n; ++q)
      out[static_cast<std::size_t>(own.begin + q)] = nearest_[static_cast<std::size_t>(q)].front();
  }

 private:
  static constexpr Index norms_stride = max_leaf + block_padding;

  double gap_to(Index node) const { return gap<N, D>(box_, tree_.box(node), d_, reach_.p); }

  void descend(Index from, Run& run, int thread) {
    stack_.assign(1, {gap_to(from), static_cast<std::int32_t>(from)});
    while (!stack_.empty() && !run.stopped()) {
      const auto [near, at] = stack_.back();
      stack_.pop_back();
      if (!(near < worst_)) continue;
      const Node& node = tree_.nodes[static_cast<std::size_t>(at)];
      if (node.is_leaf()) {
        look(node);
        unheard_ += queries_.n * node.size() * d_;
        if (thread == 0 && unheard_ > 1'000'000) {
          run.tick();
          unheard_ = 0;
        }
        continue;
      }
      const Step left{gap_to(node.left), node.left};
      const Step right{gap_to(node.left + 1), node.left + 1};
      const bool right_first = right.gap < left.gap;
      stack_.push_back(right_first ? left : right);
      stack_.push_back(right_first ? right : left);
    }
  }

  void look(const Node& node) {
    kernels_.norms(queries_, tree_.block(node), reach_, norms_.data(), norms_stride);
    worst_ = 0;
    for (Index q = 0; q < queries_.n; ++q)
      worst_ =
          std::max(worst_, take(nearest_[static_cast<std::size_t>(q)], norms_.data() + q * norms_stride, node.size()));
  }
  // Returns what a norm has to be below to be among the k smallest.
  double take(std::vector<double>& nearest, const double* norms, Index n) const {
    for (Index j = 0; j < n; ++j) {
      if (nearest.size() == k_) {
        if (!(norms[j] < nearest.front())) continue;
        std::pop_heap(nearest.begin(), nearest.end());
        nearest.back() = norms[j];
      } else {
        nearest.push_back(norms[j]);
      }
      std::push_heap(nearest.begin(), nearest.end());
    }
    return nearest.size() == k_ ? nearest.front() : std::numeric_limits<double>::infinity();
  }

  // A node and how near the samples' box comes to it.
  struct Step {
    double gap;
    std::int32_t node;
  };

  const CellTree& tree_;
  const Reach& reach_;
  const ReachKernels& kernels_;
  std::size_t k_;
  Index d_;
  Block queries_;
  const double* box_ = nullptr;
  std::vector<std::vector<double>> nearest_;  // of each query: a heap, the largest first
  double worst_ = 0;                          // of the queries, the largest that may still be improved on
  std::vector<double> norms_;
  std::vector<Step> stack_;
  Index unheard_ = 0;  // differences since the last tick
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
