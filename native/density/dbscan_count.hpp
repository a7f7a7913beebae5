// The first pass of DBSCAN: which samples are core.
#pragma once
#include "density/core_cells.hpp"

namespace shoal::density {

/// Every leaf looks for the weight around its samples until all of them have enough.
template <Norm N, int D>
class CountPass {
 public:
  explicit CountPass(CoreCells<N, D>& cells) : c_(cells) {}

  void run(Run& run) {
    if (!c_.weight.empty()) {
      node_weight_.resize(at(c_.n_nodes));
      for (Index i = c_.n_nodes - 1; i >= 0; --i) {
        const Node& own = c_.node(i);
        node_weight_[at(i)] =
            own.is_leaf() ? weight_of(own.begin, own.end) : node_weight_[at(own.left)] + node_weight_[at(own.left + 1)];
      }
    }
    if constexpr (CoreCells<N, D>::may_screen)
      if (c_.keeps_lists()) return by_parts(run);
    const parallel::Blocks blocks = c_.leaf_blocks();
    std::vector<Seekers> scratch(at(parallel::n_threads()), Seekers(c_.d));
    Tally leaves(run, "counting neighbours", c_.n_leaves());
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      Seekers& s = scratch[at(thread)];
      for (Index l = blocks.begin(b); l < blocks.end(b) && !run.stopped(); ++l) {
        if (begin(c_.leaf(l), s)) seek({&s, 1}, c_.leaf(l), 0, c_.tree.box(c_.leaf(l)), s.stack, run, thread);
        if (c_.has_negative) end(s);
        if (thread == 0) run.tick();
      }
      leaves.add(blocks.end(b) - blocks.begin(b), thread);
    });
    leaves.finish();
  }

 private:
  // Samples that look for neighbours.
  struct Seekers {
    Queries queries;
    std::array<double, max_leaf> weight;
    std::array<std::int32_t, max_leaf> count;
    Bits within;
    std::vector<double> box;  // of the queries, when there are several batches
    std::vector<std::int32_t> stack;

    explicit Seekers(Index d) : queries(d), box(at(2 * d)) {}
  };

  double weight_of(Index begin, Index end) const {
    if (c_.weight.empty()) return static_cast<double>(end - begin);
    double sum = 0;
    for (Index i = begin; i < end; ++i) sum += c_.weight[at(i)];
    return sum;
  }

  // The samples of the leaf as queries, after a look at the leaf itself. False when none is left.
  bool begin(Index cell, Seekers& s) {
    const Node& own = c_.node(cell);
    s.queries.n = 0;
    if (c_.tree.dense[at(cell)] && !c_.has_negative) {
      std::fill(c_.core.begin() + own.begin, c_.core.begin() + own.end, std::uint8_t{1});
      return false;
    }
    for (Index i = 0; i < own.size(); ++i) c_.add_query(s.queries, own, i);
    std::fill_n(s.weight.begin(), own.size(), 0.0);
    look_into(s, cell);
    return s.queries.n > 0;
  }

  // What the samples of a leaf add to the queries' weights.
  void look_into(Seekers& s, Index other) {
    const Node& to = c_.node(other);
    if (c_.weight.empty() && !c_.screens()) {
      std::fill_n(s.count.begin(), s.queries.n, 0);
      c_.kernels.count(s.queries.block(), c_.tree.block(to), c_.reach, s.count.data());
      for (Index q = 0; q < s.queries.n; ++q) s.weight[at(q)] += static_cast<double>(s.count[at(q)]);
      return drop_finished(s, first_bits(s.queries.n));
    }
    const std::uint64_t near = c_.look(s.queries, other, to.size(), s.within);
    for (std::uint64_t left = near; left; left &= left - 1) {
      const auto q = at(std::countr_zero(left));
      double& sum = s.weight[q];
      for (std::uint64_t bits = s.within[q]; bits; bits &= bits - 1) {
        const Index found = to.begin + std::countr_zero(bits);
        sum += c_.weight.empty() ? 1.0 : c_.weight[at(found)];
        if (c_.keeps_lists()) c_.lists->add(s.queries.position[q], found);
      }
    }
    drop_finished(s, near);
  }

  // Those of the queries given as bits that have enough are core and look no further.
  void drop_finished(Seekers& s, std::uint64_t queries) {
    if (c_.has_negative) return;
    while (queries) {
      const Index q = 63 - std::countl_zero(queries);
      queries ^= std::uint64_t{1} << q;
      if (!(s.weight[at(q)] >= c_.min_samples)) continue;
      c_.core[at(s.queries.position[at(q)])] = 1;
      s.queries.drop(q);
      s.weight[at(q)] = s.weight[at(s.queries.n)];
    }
  }

  // Adds up what is beside the path from `from` up to `top` for all queries, which `box` holds.
  void seek(std::span<Seekers> batches, Index from, Index top, const double* box, std::vector<std::int32_t>& stack,
            Run& run, int thread) {
    typename CoreCells<N, D>::LastGap last;
    Index n_left = 0, n_seen = 0;
    for (const Seekers& s : batches) n_left += s.queries.n;
    const auto visit = [&](Index other) {
      if (c_.is_beyond(box, other, last)) return false;
      const bool whole = spans_within<N, D>(box, c_.tree.box(other), c_.d, c_.reach);
      if (!whole && !c_.node(other).is_leaf()) return true;
      const double all = !whole              ? 0
                         : c_.weight.empty() ? static_cast<double>(c_.node(other).size())
                                             : node_weight_[at(other)];
      if (c_.keeps_lists() && thread == 0 && ++n_seen % 64 == 0) run.tick();
      n_left = 0;
      for (Seekers& s : batches) {
        if (s.queries.n == 0) continue;
        if (whole) {
          for (Index q = 0; q < s.queries.n; ++q) {
            s.weight[at(q)] += all;
            if (c_.keeps_lists()) c_.lists->lose(s.queries.position[at(q)]);
          }
          drop_finished(s, first_bits(s.queries.n));
        } else if (batches.size() == 1 || last.gap <= c_.skipped_gap() ||
                   c_.gap_between(s.box.data(), c_.tree.box(other)) <= c_.reach.radius) {
          look_into(s, other);
        }
        n_left += s.queries.n;
      }
      return false;
    };
    c_.around(from, top, stack, visit, [&] { return n_left == 0 || run.stopped(); });
  }

  // With negative weights a sample is core only when all has been added up.
  void end(Seekers& s) {
    for (Index q = 0; q < s.queries.n; ++q) c_.core[at(s.queries.position[at(q)])] = s.weight[at(q)] >= c_.min_samples;
  }

  // Leaf by leaf within a part. What is left in the part then goes round the other parts together, in full blocks of
  // queries: with many features most of the work is there and is left to few samples of each leaf, boxes are as wide
  // as the data, and a leaf that has come into the cache serves all.
  void by_parts(Run& run) {
    c_.divide();
    constexpr Index n_batches = 8;
    struct Scratch {
      Seekers own;
      std::vector<Seekers> rest;
      std::vector<double> box;
      explicit Scratch(Index d) : own(d), rest(n_batches, Seekers(d)), box(at(2 * d)) {}
    };
    std::vector<Scratch> scratch(at(parallel::n_threads()), Scratch(c_.d));
    const parallel::Blocks blocks{std::ssize(c_.parts), 1};
    Tally done(run, "counting neighbours", std::ssize(c_.parts));
    parallel::for_blocks(blocks, run, c_.work(), [&](Index b, int thread) {
      const Part& part = c_.parts[at(b)];
      Scratch& s = scratch[at(thread)];
      Index filled = 0;  // batches
      const auto flush = [&] {
        const std::span<Seekers> batches = std::span(s.rest).first(at(filled));
        for (Seekers& batch : batches) {
          batch.queries.bound(batch.box.data());
          if (&batch == &batches.front()) s.box = batch.box;
          for (Index f = 0; f < c_.d; ++f) {
            double& low = s.box[at(f)];
            double& high = s.box[at(c_.d + f)];
            low = std::min(low, batch.box[at(f)]);
            high = std::max(high, batch.box[at(c_.d + f)]);
          }
        }
        if (filled > 0) seek(batches, part.top, 0, s.box.data(), s.own.stack, run, thread);
        if (c_.has_negative)
          for (Seekers& batch : batches) end(batch);
        filled = 0;
        if (thread == 0) run.tick();
      };
      for (Index l = part.first_leaf; l < part.last_leaf && !run.stopped(); ++l) {
        if (!begin(c_.leaf(l), s.own)) continue;
        seek({&s.own, 1}, c_.leaf(l), part.top, c_.tree.box(c_.leaf(l)), s.own.stack, run, thread);
        for (Index q = 0; q < s.own.queries.n; ++q) {
          if (filled == 0 || s.rest[at(filled - 1)].queries.n == max_leaf) {
            if (filled == n_batches) flush();
            s.rest[at(filled++)].queries.n = 0;
          }
          Seekers& batch = s.rest[at(filled - 1)];
          batch.weight[at(batch.queries.n)] = s.own.weight[at(q)];
          batch.queries.add(s.own.queries, q);
        }
      }
      if (!run.stopped()) flush();
      done.add(1, thread);
    });
    done.finish();
  }

  CoreCells<N, D>& c_;
  std::vector<double> node_weight_;  // by node; empty without weights
};

}  // namespace shoal::density
