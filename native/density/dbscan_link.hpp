// The second pass of DBSCAN: which core samples are one component.
#pragma once
#include <numeric>

#include "density/core_cells.hpp"

namespace shoal::density {

/// Pairs of nodes are joined, larger nodes first taken apart; those that are one component already, or out of reach,
/// cost nothing more.
template <Norm N, int D>
class LinkPass {
 public:
  explicit LinkPass(CoreCells<N, D>& cells) : c_(cells) {}

  void run(Run& run) {
    if (c_.keeps_lists()) {
      c_.moved.resize(at(c_.tree.n_samples));
      std::iota(c_.moved.begin(), c_.moved.end(), std::int32_t{0});
    }
    gather_cores(run);
    // tight nodes are connected
    for (const std::int32_t l : c_.tree.leaves) {
      if (!c_.tree.tight[at(l)]) continue;
      const Node& own = c_.node(l);
      Index top = l;
      while (c_.node(top).parent >= 0 && c_.tree.tight[at(c_.node(top).parent)]) top = c_.node(top).parent;
      for (Index i = own.begin; i < own.begin + c_.n_core(l); ++i) c_.sets.set(i, c_.first_core(top));
    }
    if constexpr (CoreCells<N, D>::may_screen)
      if (c_.keeps_lists()) link_strays(run);
    // subtrees by themselves, then against each other
    std::vector<std::int32_t> parts, stack{0};
    const Index small = std::max<Index>(max_leaf, c_.tree.n_samples / 128);
    while (!stack.empty()) {
      const Index cell = stack.back();
      stack.pop_back();
      if (c_.n_core(cell) == 0) continue;
      if (c_.node(cell).is_leaf() || c_.node(cell).size() <= small) {
        parts.push_back(static_cast<std::int32_t>(cell));
        continue;
      }
      stack.push_back(c_.node(cell).left + 1);
      stack.push_back(c_.node(cell).left);
    }
    const auto n_parts = static_cast<Index>(parts.size());
    const parallel::Blocks blocks{n_parts, 1};
    std::atomic<Index> done{0};
    const auto tell = [&](int thread) {
      const Index so_far = ++done;
      if (thread == 0) run.progress("linking", static_cast<double>(so_far), 2.0 * static_cast<double>(n_parts));
    };
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      link_inside(parts[at(b)], run, thread);
      tell(thread);
    });
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      const Index a = parts[at(b)];
      for (Index j = b + 1; j < n_parts; ++j) link_pair(a, parts[at(j)], run, thread);
      tell(thread);
    });
    run.progress("linking", 1, 1);
  }

 private:
  // In every leaf the core samples go first, so that they are a block; boxes shrink to them.
  void gather_cores(Run& run) {
    const parallel::Blocks blocks = c_.leaf_blocks();
    parallel::for_blocks(blocks, run, c_.work() / 10, [&](Index b, int) {
      AlignedVector<double> copy(at(max_leaf * c_.d));
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
        const Node& own = c_.node(c_.leaf(l));
        const Index size = own.size();
        std::uint8_t* core = c_.core.data() + own.begin;
        const Index cores = std::count(core, core + size, std::uint8_t{1});
        c_.core_count[at(c_.leaf(l))] = static_cast<std::int32_t>(cores);
        if (cores > 0) c_.first[at(c_.leaf(l))] = own.begin;
        if (cores == 0 || cores == size) continue;
        std::array<Index, max_leaf> order;
        Index slot = 0;
        for (const std::uint8_t wanted : {1, 0})
          for (Index i = 0; i < size; ++i)
            if (core[i] == wanted) order[at(slot++)] = i;
        double* data = c_.tree.leaf_data(own);
        std::copy_n(data, size * c_.d, copy.data());
        std::array<std::int32_t, max_leaf> index;
        std::copy_n(c_.tree.index.data() + own.begin, size, index.data());
        for (Index i = 0; i < size; ++i) {
          const Index from = order[at(i)];
          c_.tree.index[at(own.begin + i)] = index[at(from)];
          core[i] = i < cores;
          if (c_.keeps_lists()) c_.moved[at(own.begin + from)] = static_cast<std::int32_t>(own.begin + i);
          for (Index f = 0; f < c_.d; ++f) data[f * size + i] = copy[at(f * size + from)];
        }
        if (c_.screens()) c_.quick.reorder(own, order.data());
        double* box = c_.tree.box(c_.leaf(l));
        for (Index f = 0; f < c_.d; ++f) {
          box[f] = *std::min_element(data + f * size, data + f * size + cores);
          box[c_.d + f] = *std::max_element(data + f * size, data + f * size + cores);
        }
      }
    });
    for (Index i = c_.n_nodes - 1; i >= 0; --i) {
      c_.united_flag[at(i)].store(c_.tree.tight[at(i)], std::memory_order_relaxed);
      if (c_.node(i).is_leaf()) continue;
      const Index left = c_.node(i).left;
      c_.core_count[at(i)] = c_.core_count[at(left)] + c_.core_count[at(left + 1)];
      c_.first[at(i)] =
          static_cast<std::int32_t>(c_.first_core(left) >= 0 ? c_.first_core(left) : c_.first_core(left + 1));
      if (c_.n_core(i) == c_.node(i).size()) continue;
      double* box = c_.tree.box(i);
      const double* a = c_.tree.box(c_.n_core(left) > 0 ? left : left + 1);
      const double* b = c_.tree.box(c_.n_core(left + 1) > 0 ? left + 1 : left);
      for (Index f = 0; f < c_.d; ++f) {
        box[f] = std::min(a[f], b[f]);
        box[c_.d + f] = std::max(a[c_.d + f], b[c_.d + f]);
      }
    }
  }

  // With neighbours kept, the pairs that can still matter are few. What is known already is united; each leaf gets a
  // representative, in the largest component it takes part in, and the core samples of the leaf that are not in the
  // representative's component, its strays, look around until they are. A stray that never is has then looked at all
  // core samples. Hence all that is left are pairs of samples that are each in their representative's component: of
  // these a leaf has one, and counts as united from here on.
  void link_strays(Run& run) {
    const parallel::Blocks samples = parallel::blocks_of(c_.tree.n_samples, 64);
    parallel::for_blocks(samples, run, 50.0 * static_cast<double>(c_.tree.n_samples), [&](Index b, int) {
      for (Index i = samples.begin(b); i < samples.end(b); ++i) {
        const Index own = c_.moved[at(i)];
        if (!c_.core[at(own)]) continue;
        for (const std::int32_t found : c_.lists->of(i)) {
          const Index other = c_.moved[at(found)];
          if (c_.core[at(other)]) c_.sets.unite(own, other);
        }
      }
    });
    std::vector<std::int32_t> size(at(c_.tree.n_samples));
    for (const std::int32_t l : c_.tree.leaves)
      for (Index i = c_.node(l).begin; i < c_.node(l).begin + c_.n_core(l); ++i) ++size[at(c_.sets.find(i))];
    settled_.assign(at(c_.n_nodes), 0);
    for (const std::int32_t l : c_.tree.leaves) {
      const Index begin = c_.node(l).begin;
      std::array<Index, max_leaf> root;
      Index best = 0;
      for (Index i = 0; i < c_.n_core(l); ++i) {
        root[at(i)] = c_.sets.find(begin + i);
        if (size[at(root[at(i)])] > size[at(root[at(best)])]) best = i;
      }
      if (c_.n_core(l) > 0) c_.first[at(l)] = static_cast<std::int32_t>(begin + best);
      for (Index i = 0; i < c_.n_core(l); ++i)
        if (root[at(i)] == root[at(best)]) settled_[at(l)] |= std::uint64_t{1} << i;
    }

    struct Scratch {
      Queries queries;
      std::array<Index, max_leaf> home;  // leaf
      typename CoreCells<N, D>::LastGap last;
      Bits within;
      std::vector<std::int32_t> stack;
      std::vector<double> box;
      explicit Scratch(Index d) : queries(d), box(at(2 * d)) {}
    };
    std::vector<Scratch> scratch(at(parallel::n_threads()), Scratch(c_.d));
    const parallel::Blocks blocks{std::ssize(c_.parts), 1};
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      const Part& part = c_.parts[at(b)];
      Scratch& s = scratch[at(thread)];
      Index n_seen = 0;
      const auto drop_settled = [&] {
        for (Index q = s.queries.n - 1; q >= 0; --q) {
          const Index home = s.home[at(q)];
          const Index position = s.queries.position[at(q)];
          if (c_.sets.find(position) != c_.sets.find(c_.first_core(home))) continue;
          settled_[at(home)] |= std::uint64_t{1} << (position - c_.node(home).begin);
          s.queries.drop(q);
          s.home[at(q)] = s.home[at(s.queries.n)];
        }
      };
      const auto visit = [&](Index other) {
        if (c_.n_core(other) == 0 || c_.is_beyond(s.box.data(), other, s.last)) return false;
        if (!c_.node(other).is_leaf()) return true;
        if (thread == 0 && ++n_seen % 256 == 0) run.tick();
        bool found = false;
        for (std::uint64_t left = c_.look(s.queries, other, c_.n_core(other), s.within); left; left &= left - 1) {
          const Index q = std::countr_zero(left);
          for (std::uint64_t bits = s.within[at(q)]; bits; bits &= bits - 1) {
            c_.sets.unite(s.queries.position[at(q)], c_.node(other).begin + std::countr_zero(bits));
            found = true;
          }
        }
        if (found) drop_settled();
        return false;
      };
      const auto done = [&] { return s.queries.n == 0 || run.stopped(); };
      const auto flush = [&] {
        if (s.queries.n == 0) return;
        s.queries.bound(s.box.data());
        s.last = {};
        s.stack.assign(1, static_cast<std::int32_t>(part.top));
        c_.walk(s.stack, visit, done);
        if (!done()) c_.around(part.top, 0, s.stack, visit, done);
        s.queries.n = 0;
        if (thread == 0) run.tick();
      };
      s.queries.n = 0;
      for (Index l = part.first_leaf; l < part.last_leaf && !run.stopped(); ++l)
        for (Index i = 0; i < c_.n_core(c_.leaf(l)); ++i) {
          if (settled_[at(c_.leaf(l))] >> i & 1) continue;
          if (s.queries.n == max_leaf) flush();
          s.home[at(s.queries.n)] = c_.leaf(l);
          c_.add_query(s.queries, c_.node(c_.leaf(l)), i);
        }
      if (!run.stopped()) flush();
    });
    for (Index i = c_.n_nodes - 1; i >= 0; --i) {
      if (c_.node(i).is_leaf()) {
        c_.united_flag[at(i)].store(1, std::memory_order_relaxed);
        continue;
      }
      const Index left = c_.node(i).left;
      c_.first[at(i)] =
          static_cast<std::int32_t>(c_.first_core(left) >= 0 ? c_.first_core(left) : c_.first_core(left + 1));
    }
  }

  void link_inside(Index cell, Run& run, int thread) {
    if (c_.n_core(cell) < 2 || c_.united(cell)) return;
    if (c_.node(cell).is_leaf()) return link_leaves(cell, cell);
    const Index left = c_.node(cell).left;
    link_inside(left, run, thread);
    link_inside(left + 1, run, thread);
    link_pair(left, left + 1, run, thread);
    c_.united(cell);
  }

  void link_pair(Index a, Index b, Run& run, int thread) {
    if (c_.n_core(a) == 0 || c_.n_core(b) == 0) return;
    if (!(c_.gap_between(a, b) <= c_.reach.radius)) return;
    if (c_.united(a) && c_.united(b)) {
      if (c_.sets.find(c_.first_core(a)) == c_.sets.find(c_.first_core(b))) return;
      if (c_.span_between(c_.tree.box(a), c_.tree.box(b)) <= c_.reach.radius)
        return c_.sets.unite(c_.first_core(a), c_.first_core(b));
    }
    if (c_.node(a).is_leaf() && c_.node(b).is_leaf()) {
      if (run.stopped()) return;
      link_leaves(a, b);
      if (thread == 0) run.tick();
      return;
    }
    if (c_.node(a).is_leaf() || (!c_.node(b).is_leaf() && c_.n_core(a) < c_.n_core(b))) std::swap(a, b);
    Index near = c_.node(a).left;
    Index far = near + 1;
    if (c_.n_core(near) == 0 || c_.n_core(far) == 0)
      return link_pair(c_.n_core(near) == 0 ? far : near, b, run, thread);
    if (c_.gap_between(far, b) < c_.gap_between(near, b)) std::swap(near, far);
    link_pair(near, b, run, thread);
    link_pair(far, b, run, thread);
  }

  void link_leaves(Index a, Index b) {
    if (c_.united(b)) std::swap(a, b);
    const Node& one = c_.node(a);
    const Node& other = c_.node(b);
    const Block from = c_.tree.block(other).slice(0, c_.n_core(b));
    const Block to = c_.tree.block(one).slice(0, c_.n_core(a));
    const bool a_united = c_.united(a);
    const bool both_united = a_united && c_.united(b);
    if (both_united && !c_.screens()) {
      if (c_.kernels.any(from, to, c_.reach)) c_.sets.unite(one.begin, other.begin);
      return;
    }
    Bits within;
    const std::uint64_t to_settled = c_.keeps_lists() ? settled_[at(a)] : ~std::uint64_t{0};
    const std::uint64_t from_settled = c_.keeps_lists() ? settled_[at(b)] : ~std::uint64_t{0};
    c_.look(from, c_.screens() ? c_.quick.block(other).slice(0, c_.n_core(b)) : ScreenBlock{}, to,
            c_.screens() ? c_.quick.block(one).slice(0, c_.n_core(a)) : ScreenBlock{}, within);
    for (Index q = 0; q < from.n; ++q) {
      if (!(from_settled >> q & 1)) continue;
      for (std::uint64_t bits = within[at(q)] & to_settled; bits; bits &= bits - 1) {
        c_.sets.unite(other.begin + q, one.begin + std::countr_zero(bits));
        if (both_united) return;
        if (a_united) break;
      }
    }
  }

  CoreCells<N, D>& c_;
  std::vector<std::uint64_t> settled_;  // with lists, by leaf: core samples that are one with its first
};

}  // namespace shoal::density
