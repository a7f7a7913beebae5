// The last pass of DBSCAN: numbers of clusters, and the samples at their borders.
#pragma once
#include <limits>

#include "density/core_cells.hpp"
#include "density/dbscan.hpp"

namespace shoal::density {

/// Clusters are numbered by their first core sample; samples that are not core look for the smallest number around.
template <Norm N, int D>
class BorderPass {
 public:
  explicit BorderPass(CoreCells<N, D>& cells) : c_(cells) {}

  DbscanResult run(Run& run) {
    const Index n = c_.tree.n_samples;
    // the first core sample of each component, at its root
    std::vector<std::int32_t> label(at(n), none);
    std::vector<std::int32_t> roots;
    Index cores = 0;
    for (const std::int32_t l : c_.tree.leaves)
      for (Index i = c_.node(l).begin; i < c_.node(l).begin + c_.n_core(l); ++i) {
        const auto root = at(c_.sets.find(i));
        if (label[root] == none) roots.push_back(static_cast<std::int32_t>(root));
        label[root] = std::min(label[root], c_.tree.index[at(i)]);
        ++cores;
      }
    std::sort(roots.begin(), roots.end(), [&](std::int32_t a, std::int32_t b) { return label[at(a)] < label[at(b)]; });
    for (std::size_t r = 0; r < roots.size(); ++r) label[at(roots[r])] = static_cast<std::int32_t>(r);
    run.checkpoint();

    // labels by position; of nodes the smallest
    least_.assign(at(c_.n_nodes), none);
    const parallel::Blocks blocks = c_.leaf_blocks();
    parallel::for_blocks(blocks, run, c_.work() / 10, [&](Index b, int) {
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
        const Node& own = c_.node(c_.leaf(l));
        std::int32_t least = none;
        for (Index i = own.begin; i < own.begin + c_.n_core(c_.leaf(l)); ++i) {
          // a root is the smallest position of its set; only roots are read, and each is written with its own label
          const std::int32_t mine = label[at(c_.sets.find(i))];
          least = std::min(least, mine);
        }
        least_[at(c_.leaf(l))] = least;
      }
    });
    for (Index i = c_.n_nodes - 1; i >= 0; --i)
      if (!c_.node(i).is_leaf()) least_[at(i)] = std::min(least_[at(c_.node(i).left)], least_[at(c_.node(i).left + 1)]);

    DbscanResult result;
    result.labels.resize(at(n));
    const std::span<const std::int32_t> of_root(label);
    std::vector<BorderScratch> scratch(at(parallel::n_threads()), BorderScratch(c_.d));
    std::atomic<Index> done{0};
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      for (Index l = blocks.begin(b); l < blocks.end(b) && !run.stopped(); ++l) {
        const Node& own = c_.node(c_.leaf(l));
        for (Index i = own.begin; i < own.begin + c_.n_core(c_.leaf(l)); ++i)
          result.labels[at(c_.tree.index[at(i)])] = of_root[at(c_.sets.find(i))];
        if (c_.n_core(c_.leaf(l)) < own.size()) border_leaf(c_.leaf(l), of_root, scratch[at(thread)], result.labels);
        if (thread == 0) run.tick();
      }
      const Index leaves = done.fetch_add(blocks.end(b) - blocks.begin(b)) + blocks.end(b) - blocks.begin(b);
      if (thread == 0) run.progress("border samples", static_cast<double>(leaves), static_cast<double>(c_.n_leaves()));
    });
    run.progress("border samples", 1, 1);
    result.core_samples.reserve(at(cores));
    std::vector<std::uint8_t> is_core(at(n));
    for (Index i = 0; i < n; ++i) is_core[at(c_.tree.index[at(i)])] = c_.core[at(i)];
    for (Index i = 0; i < n; ++i)
      if (is_core[at(i)]) result.core_samples.push_back(i);
    return result;
  }

 private:
  static constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();

  struct BorderScratch {
    Queries queries;
    std::array<std::int32_t, max_leaf> best;
    Bits within;
    std::vector<std::int32_t> stack;
    std::vector<double> box;

    explicit BorderScratch(Index d) : queries(d), box(at(2 * d)) {}
  };

  void border_leaf(Index cell, std::span<const std::int32_t> of_root, BorderScratch& s,
                   std::vector<std::int32_t>& labels) {
    const Node& own = c_.node(cell);
    const auto set_label = [&](Index position, std::int32_t label) {
      labels[at(c_.tree.index[at(position)])] = label == none ? -1 : label;
    };
    s.queries.n = 0;
    if (c_.keeps_lists()) {
      for (Index i = own.begin; i < own.end; ++i) {  // where it was when neighbours were found
        const Index position = c_.moved[at(i)];
        if (c_.core[at(position)]) continue;
        if (!c_.lists->is_whole(i)) {
          c_.add_query(s.queries, own, position - own.begin);
          continue;
        }
        std::int32_t best = none;
        for (const std::int32_t found : c_.lists->of(i)) {
          const Index other = c_.moved[at(found)];
          if (c_.core[at(other)]) best = std::min(best, of_root[at(c_.sets.find(other))]);
        }
        set_label(position, best);
      }
      if (s.queries.n == 0) return;
    } else {
      for (Index i = c_.n_core(cell); i < own.size(); ++i) c_.add_query(s.queries, own, i);
    }
    s.queries.bound(s.box.data());
    std::fill_n(s.best.begin(), s.queries.n, none);
    std::int32_t worst = none;
    const auto take = [&](Index other) {
      const std::int32_t least = least_[at(other)];
      if (least >= worst) return false;
      const double* there = c_.tree.box(other);
      if (!(c_.gap_between(s.box.data(), there) <= c_.reach.radius)) return false;
      if (c_.span_between(s.box.data(), there) <= c_.reach.radius) {
        for (Index q = 0; q < s.queries.n; ++q) s.best[at(q)] = std::min(s.best[at(q)], least);
      } else if (c_.node(other).is_leaf()) {
        const Index first = c_.node(other).begin;
        const bool one = !c_.keeps_lists() && c_.united(other);
        c_.look(s.queries, other, c_.n_core(other), s.within);
        for (Index q = 0; q < s.queries.n; ++q) {
          std::int32_t& best = s.best[at(q)];
          for (std::uint64_t bits = s.within[at(q)]; bits; bits &= bits - 1) {
            best = std::min(best, of_root[at(c_.sets.find(first + std::countr_zero(bits)))]);
            if (one) break;
          }
        }
      } else {
        return true;
      }
      worst = *std::max_element(s.best.begin(), s.best.begin() + s.queries.n);
      return false;
    };
    if (c_.n_core(cell) > 0) take(cell);
    c_.around(cell, 0, s.stack, take, [&] { return worst == 0; });
    for (Index q = 0; q < s.queries.n; ++q) set_label(s.queries.position[at(q)], s.best[at(q)]);
  }

  CoreCells<N, D>& c_;
  std::vector<std::int32_t> least_;  // by node: the smallest label of its core samples
};

}  // namespace shoal::density
