// What the passes of DBSCAN (dbscan.hpp) share: the cells, which samples are core, which of them are known to be one
// component; and how they look from cell to cell.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "density/cells.hpp"
#include "density/lists.hpp"
#include "density/queries.hpp"
#include "density/screened_tree.hpp"
#include "density/sets.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {

inline constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

/// How far a pass has come.
class Tally {
 public:
  Tally(Run& run, const char* stage, Index of) : run_(run), stage_(stage), of_(of) {}
  void add(Index n, int thread) {
    const Index so_far = done_.fetch_add(n) + n;
    if (thread == 0) run_.progress(stage_, static_cast<double>(so_far), static_cast<double>(of_));
  }
  void finish() { run_.progress(stage_, 1, 1); }

 private:
  Run& run_;
  const char* stage_;
  Index of_;
  std::atomic<Index> done_{0};
};

/// Subtrees of some hundred samples.
struct Part {
  Index top;
  Index first_leaf, last_leaf;
};

/// One for each norm, and for small numbers of features.
template <Norm N, int D>
struct CoreCells {
  /// `by_sample`: weights.
  CoreCells(CellTree&& cells, const Reach& within, std::span<const double> by_sample, double enough, Run& run)
      : tree(std::move(cells)),
        reach(within),
        kernels(reach_kernels(reach.norm, tree.n_features)),
        min_samples(enough),
        has_negative(std::any_of(by_sample.begin(), by_sample.end(), [](double w) { return w < 0; })),
        d(tree.n_features),
        n_nodes(std::ssize(tree.nodes)),
        quick(tree, reach, run),
        core(at(tree.n_samples)),
        core_count(at(n_nodes)),
        first(at(n_nodes), -1),
        sets(tree.n_samples),
        united_flag(std::make_unique<std::atomic<std::uint8_t>[]>(at(n_nodes))) {
    for (std::size_t i = 0; i < by_sample.size(); ++i) weight.push_back(by_sample[at(tree.index[i])]);
  }

  // The screen and the lists are for Euclidean distances in many features; elsewhere their code is not even compiled.
  static constexpr bool may_screen = N == Norm::sq_euclidean && D == 0;
  bool screens() const {
    if constexpr (may_screen) return static_cast<bool>(quick);
    return false;
  }
  bool keeps_lists() const {
    if constexpr (may_screen) return lists.has_value();
    return false;
  }

  const Node& node(Index i) const { return tree.nodes[at(i)]; }
  Index n_core(Index i) const { return core_count[at(i)]; }
  Index first_core(Index i) const { return first[at(i)]; }
  double gap_between(const double* a, const double* b) const { return gap<N, D>(a, b, d, reach.p); }
  double gap_between(Index a, Index b) const { return gap_between(tree.box(a), tree.box(b)); }
  double span_between(const double* a, const double* b) const { return span_of<N, D>(a, b, d, reach.p); }
  Index n_leaves() const { return static_cast<Index>(tree.leaves.size()); }
  Index leaf(Index l) const { return tree.leaves[at(l)]; }

  /// Bit t of within[q]: the target is within reach of the query. Both ways of looking at pairs give the same bits.
  /// Returns the queries, as bits, that may have a target within; none of the others has.
  std::uint64_t look(const Block& queries, const ScreenBlock& quick_queries, const Block& targets,
                     const ScreenBlock& quick_targets, Bits& within) const {
    const std::uint64_t all = first_bits(queries.n);
    if (!screens()) {
      kernels.within(queries, targets, reach, within.data());
      return all;
    }
    Bits doubtful;
    const std::uint64_t near = quick.look(quick_queries, quick_targets, within, doubtful);
    Index n_doubtful = 0;
    for (std::uint64_t left = near; left; left &= left - 1) {
      const auto q = at(std::countr_zero(left));
      if (doubtful[q]) n_doubtful += std::popcount(doubtful[q]);
    }
    if (n_doubtful == 0) return near;
    // data far from their mean, as eps goes: doubts are the rule, and vectors settle them sooner
    if (n_doubtful * 8 > queries.n * targets.n) {
      kernels.within(queries, targets, reach, within.data());
      return all;
    }
    settle(near, doubtful, within, [&](Index q, Index t) {
      double norm = 0;
      for (Index f = 0; f < d; ++f)
        norm = add_norm<N>(norm, queries.data[f * queries.stride + q] - targets.data[f * targets.stride + t], reach.p);
      return norm <= reach.radius;
    });
    return near;
  }
  std::uint64_t look(const Queries& queries, Index leaf, Index n_targets, Bits& within) const {
    const Node& to = node(leaf);
    return look(queries.block(), queries.quick_block(), tree.block(to).slice(0, n_targets),
                screens() ? quick.block(to).slice(0, n_targets) : ScreenBlock{}, within);
  }
  void add_query(Queries& queries, const Node& leaf, Index i) const {
    const Block samples = tree.block(leaf);
    queries.add(samples.data, samples.stride, i, leaf.begin + i);
    if (screens()) queries.add_quick(quick.block(leaf), i);
  }

  /// Blocks of leaves with some thousand samples.
  parallel::Blocks leaf_blocks() const {
    if (const auto length = parallel::forced_block_length(); length > 0) return {n_leaves(), length};
    return {n_leaves(), std::max<Index>(1, std::min<Index>(256, n_leaves() / 64))};
  }
  double work() const { return 300.0 * static_cast<double>(tree.n_samples); }

  /// The gap to the inner node that was looked at last.
  struct LastGap {
    Index node = -1;
    double gap = 0;
  };
  /// The node is known to be out of reach of all in the box. With many features boxes are as wide as the data in most
  /// of them: a leaf beside a parent that is near is not worth the test.
  double skipped_gap() const { return reach.radius / 4; }
  bool is_beyond(const double* box, Index other, LastGap& last) const {
    if constexpr (may_screen) {
      const Node& there = node(other);
      if (keeps_lists() && there.is_leaf() && there.parent == last.node && last.gap <= skipped_gap()) return false;
      const double here = gap_between(box, tree.box(other));
      if (!there.is_leaf()) last = {other, here};
      return !(here <= reach.radius);
    } else {
      return !(gap_between(box, tree.box(other)) <= reach.radius);
    }
  }

  /// Calls visit(node, depth-first) for the nodes beside the path from `from` up to `top`, near ones first, until
  /// `done`; visit says whether to go into the children.
  template <class Visit, class Done>
  void around(Index from, Index top, std::vector<std::int32_t>& stack, Visit&& visit, Done&& done) const {
    for (Index cell = from; cell != top; cell = node(cell).parent) {
      const Index left = node(node(cell).parent).left;
      stack.push_back(static_cast<std::int32_t>(cell == left ? left + 1 : left));
      walk(stack, visit, done);
      if (done()) return;
    }
  }
  /// The nodes on the stack and what is below them.
  template <class Visit, class Done>
  void walk(std::vector<std::int32_t>& stack, Visit&& visit, Done&& done) const {
    while (!stack.empty()) {
      const Index here = stack.back();
      stack.pop_back();
      if (visit(here)) {
        stack.push_back(node(here).left + 1);
        stack.push_back(node(here).left);
      }
      if (done()) stack.clear();
    }
  }

  /// All core samples of the node, but for strays, are known to be one component.
  bool united(Index cell) {
    auto& flag = united_flag[at(cell)];
    if (flag.load(std::memory_order_relaxed)) return true;
    const Node& own = node(cell);
    if (n_core(cell) > 1) {
      if (own.is_leaf()) {
        const Index root = sets.find(own.begin);
        for (Index i = 1; i < n_core(cell); ++i)
          if (sets.find(own.begin + i) != root) return false;
      } else {
        const Index left = own.left;
        for (const Index child : {left, left + 1})
          if (n_core(child) > 0 && !united_flag[at(child)].load(std::memory_order_relaxed)) return false;
        if (n_core(left) > 0 && n_core(left + 1) > 0 && sets.find(first_core(left)) != sets.find(first_core(left + 1)))
          return false;
      }
    }
    flag.store(1, std::memory_order_relaxed);
    return true;
  }

  /// Fills `parts`.
  void divide() {
    const auto forced = parallel::forced_block_length();
    const Index most = forced > 0 ? 16 * forced : 512;
    std::vector<std::int32_t> stack{0};
    Index next_leaf = 0;
    while (!stack.empty()) {
      const Index cell = stack.back();
      stack.pop_back();
      if (!node(cell).is_leaf() && node(cell).size() > most) {
        stack.push_back(node(cell).left + 1);
        stack.push_back(node(cell).left);
        continue;
      }
      const Index begin = next_leaf;
      while (next_leaf < n_leaves() && node(leaf(next_leaf)).begin < node(cell).end) ++next_leaf;
      parts.push_back({cell, begin, next_leaf});
    }
  }

  CellTree tree;
  Reach reach;
  const ReachKernels& kernels;
  double min_samples;
  bool has_negative;  // weights
  Index d, n_nodes;
  ScreenedTree quick;
  std::vector<double> weight;            // by position; empty without weights
  std::optional<Lists> lists;            // of positions as they were when neighbours were counted
  std::vector<Part> parts;               // with lists
  std::vector<std::uint8_t> core;        // by position
  std::vector<std::int32_t> core_count;  // by node; once they are gathered, a leaf's core samples are its first
  std::vector<std::int32_t> first;       // by node: the position of a core sample, or -1
  std::vector<std::int32_t> moved;       // with lists: where a position went when they were gathered
  Sets sets;
  std::unique_ptr<std::atomic<std::uint8_t>[]> united_flag;  // by node; once set it stays true
};

}  // namespace shoal::density
