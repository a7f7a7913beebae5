#include "density/dbscan.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "density/cells.hpp"
#include "density/lists.hpp"
#include "density/pairs.hpp"
#include "density/queries.hpp"
#include "density/screened_tree.hpp"
#include "density/sets.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();

// How far a pass has come.
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

template <Norm N, int D>
class Cells {
 public:
  Cells(CellTree&& tree, std::span<const double> weight, const Reach& reach, double min_samples, bool has_negative)
      : tree_(std::move(tree)),
        reach_(reach),
        kernels_(reach_kernels(reach.norm, tree_.n_features)),
        min_samples_(min_samples),
        has_negative_(has_negative),
        d_(tree_.n_features),
        n_nodes_(static_cast<Index>(tree_.nodes.size())),
        sets_(tree_.n_samples),
        n_core_(static_cast<std::size_t>(n_nodes_)),
        first_core_(static_cast<std::size_t>(n_nodes_), -1),
        united_(std::make_unique<std::atomic<std::uint8_t>[]>(static_cast<std::size_t>(n_nodes_))) {
    if (!weight.empty()) {
      weight_.resize(weight.size());
      for (std::size_t i = 0; i < weight.size(); ++i) weight_[i] = weight[static_cast<std::size_t>(tree_.index[i])];
    }
  }

  /// `weight`: by sample.
  DbscanResult labels(std::span<const double> weight, Run& run) {
    quick_.emplace(tree_, reach_, run);
    if (screens() && min_samples_ > 1) {
      if constexpr (may_screen)
        if (auto found = dbscan_by_pairs(tree_, *quick_, weight, reach_, min_samples_, run)) return std::move(*found);
      lists_.emplace(tree_.n_samples, min_samples_);
    }
    count(run);
    link(run);
    return number(run);
  }

 private:
  // The screen and the lists are for Euclidean distances in many features; elsewhere their code is not even compiled.
  static constexpr bool may_screen = N == Norm::sq_euclidean && D == 0;
  bool screens() const {
    if constexpr (may_screen) return static_cast<bool>(*quick_);
    return false;
  }
  bool keeps_lists() const {
    if constexpr (may_screen) return lists_.has_value();
    return false;
  }

  const Node& node(Index i) const { return tree_.nodes[static_cast<std::size_t>(i)]; }
  Index n_core(Index i) const { return n_core_[static_cast<std::size_t>(i)]; }
  Index first_core(Index i) const { return first_core_[static_cast<std::size_t>(i)]; }
  double gap_between(const double* a, const double* b) const { return gap<N, D>(a, b, d_, reach_.p); }
  double gap_between(Index a, Index b) const { return gap_between(tree_.box(a), tree_.box(b)); }
  double span_between(const double* a, const double* b) const { return span_of<N, D>(a, b, d_, reach_.p); }
  Index n_leaves() const { return static_cast<Index>(tree_.leaves.size()); }
  Index leaf(Index l) const { return tree_.leaves[static_cast<std::size_t>(l)]; }

  using Bits = std::array<std::uint64_t, max_leaf>;

  // Bit t of within[q]: the target is within reach of the query. Both ways of looking at pairs give the same bits.
  // Returns the queries, as bits, that may have a target within; none of the others has.
  std::uint64_t look(const Block& queries, const ScreenBlock& quick_queries, const Block& targets,
                     const ScreenBlock& quick_targets, Bits& within) const {
    const std::uint64_t all = first_bits(queries.n);
    if (!screens()) {
      kernels_.within(queries, targets, reach_, within.data());
      return all;
    }
    Bits doubtful;
    const std::uint64_t near = screen_kernels().screen(quick_queries, quick_targets, quick_->half_radius(),
                                                       quick_->margin(), within.data(), doubtful.data());
    Index n_doubtful = 0;
    for (std::uint64_t left = near; left; left &= left - 1) {
      const auto q = static_cast<std::size_t>(std::countr_zero(left));
      if (doubtful[q]) n_doubtful += std::popcount(doubtful[q]);
    }
    if (n_doubtful == 0) return near;
    // data far from their mean, as eps goes: doubts are the rule, and vectors settle them sooner
    if (n_doubtful * 8 > queries.n * targets.n) {
      kernels_.within(queries, targets, reach_, within.data());
      return all;
    }
    for (std::uint64_t left = near; left; left &= left - 1) {
      const Index q = std::countr_zero(left);
      for (std::uint64_t bits = doubtful[static_cast<std::size_t>(q)]; bits; bits &= bits - 1) {
        const Index t = std::countr_zero(bits);
        double norm = 0;
        for (Index f = 0; f < d_; ++f)
          norm =
              add_norm<N>(norm, queries.data[f * queries.stride + q] - targets.data[f * targets.stride + t], reach_.p);
        if (norm <= reach_.radius) within[static_cast<std::size_t>(q)] |= std::uint64_t{1} << t;
      }
    }
    return near;
  }
  std::uint64_t look(const Queries& queries, Index leaf, Index n_targets, Bits& within) const {
    const Node& to = node(leaf);
    return look(queries.block(), queries.quick_block(), tree_.block(to).slice(0, n_targets),
                screens() ? quick_->block(to).slice(0, n_targets) : ScreenBlock{}, within);
  }
  static std::uint64_t first_bits(Index n) { return n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; }
  void add_query(Queries& queries, const Node& leaf, Index i) const {
    const Block samples = tree_.block(leaf);
    queries.add(samples.data, samples.stride, i, leaf.begin + i);
    if (screens()) queries.add_quick(quick_->block(leaf), i);
  }

  // Blocks of leaves with some thousand samples.
  Blocks leaf_blocks() const {
    if (const auto length = parallel::forced_block_length(); length > 0) return {n_leaves(), length};
    return {n_leaves(), std::max<Index>(1, std::min<Index>(256, n_leaves() / 64))};
  }
  double work() const { return 300.0 * static_cast<double>(tree_.n_samples); }

  // The gap to the inner node that was looked at last.
  struct LastGap {
    Index node = -1;
    double gap = 0;
  };
  // The node is known to be out of reach of all in the box. With many features boxes are as wide as the data in most
  // of them: a leaf beside a parent that is near is not worth the test.
  double skipped_gap() const { return reach_.radius / 4; }
  bool is_beyond(const double* box, Index other, LastGap& last) const {
    if constexpr (may_screen) {
      const Node& there = node(other);
      if (keeps_lists() && there.is_leaf() && there.parent == last.node && last.gap <= skipped_gap()) return false;
      const double here = gap_between(box, tree_.box(other));
      if (!there.is_leaf()) last = {other, here};
      return !(here <= reach_.radius);
    } else {
      return !(gap_between(box, tree_.box(other)) <= reach_.radius);
    }
  }

  // Calls visit(node, depth-first) for the nodes beside the path from `from` up to `top`, near ones first, until
  // `done`; visit says whether to go into the children.
  template <class Visit, class Done>
  void around(Index from, Index top, std::vector<std::int32_t>& stack, Visit&& visit, Done&& done) const {
    for (Index at = from; at != top; at = node(at).parent) {
      const Index left = node(node(at).parent).left;
      stack.push_back(static_cast<std::int32_t>(at == left ? left + 1 : left));
      walk(stack, visit, done);
      if (done()) return;
    }
  }
  // The nodes on the stack and what is below them.
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

  // --- count ------------------------------------------------------------------------------------------------

  double weight_of(Index begin, Index end) const {
    if (weight_.empty()) return static_cast<double>(end - begin);
    double sum = 0;
    for (Index i = begin; i < end; ++i) sum += weight_[static_cast<std::size_t>(i)];
    return sum;
  }

  void count(Run& run) {
    core_.assign(static_cast<std::size_t>(tree_.n_samples), 0);
    if (!weight_.empty()) {
      node_weight_.resize(static_cast<std::size_t>(n_nodes_));
      for (Index i = n_nodes_ - 1; i >= 0; --i) {
        const Node& at = node(i);
        node_weight_[static_cast<std::size_t>(i)] =
            at.is_leaf()
                ? weight_of(at.begin, at.end)
                : node_weight_[static_cast<std::size_t>(at.left)] + node_weight_[static_cast<std::size_t>(at.left + 1)];
      }
    }
    if constexpr (may_screen)
      if (keeps_lists()) return count_by_parts(run);
    const Blocks blocks = leaf_blocks();
    std::vector<CountScratch> scratch(static_cast<std::size_t>(parallel::n_threads()), CountScratch(d_));
    Tally leaves(run, "counting neighbours", n_leaves());
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      CountScratch& s = scratch[static_cast<std::size_t>(thread)];
      for (Index l = blocks.begin(b); l < blocks.end(b) && !run.stopped(); ++l) {
        if (begin_count(leaf(l), s)) seek({&s, 1}, leaf(l), 0, tree_.box(leaf(l)), s.stack, run, thread);
        if (has_negative_) end_count(s);
        if (thread == 0) run.tick();
      }
      leaves.add(blocks.end(b) - blocks.begin(b), thread);
    });
    leaves.finish();
  }

  struct CountScratch {
    Queries queries;
    std::array<double, max_leaf> weight;
    std::array<std::int32_t, max_leaf> count;
    Bits within;
    std::vector<double> box;  // of the queries, when there are several batches
    std::vector<std::int32_t> stack;

    explicit CountScratch(Index d) : queries(d), box(static_cast<std::size_t>(2 * d)) {}
  };

  // The samples of the leaf as queries, after a look at the leaf itself. False when none is left.
  bool begin_count(Index at, CountScratch& s) {
    const Node& own = node(at);
    s.queries.n = 0;
    if (tree_.dense[static_cast<std::size_t>(at)] && !has_negative_) {
      std::fill(core_.begin() + own.begin, core_.begin() + own.end, std::uint8_t{1});
      return false;
    }
    for (Index i = 0; i < own.size(); ++i) add_query(s.queries, own, i);
    std::fill_n(s.weight.begin(), own.size(), 0.0);
    count_leaf(s, at);
    return s.queries.n > 0;
  }

  // What the samples of a leaf add to the queries' weights.
  void count_leaf(CountScratch& s, Index other) {
    const Node& to = node(other);
    if (weight_.empty() && !screens()) {
      std::fill_n(s.count.begin(), s.queries.n, 0);
      kernels_.count(s.queries.block(), tree_.block(to), reach_, s.count.data());
      for (Index q = 0; q < s.queries.n; ++q)
        s.weight[static_cast<std::size_t>(q)] += static_cast<double>(s.count[static_cast<std::size_t>(q)]);
      return drop_finished(s, first_bits(s.queries.n));
    }
    const std::uint64_t near = look(s.queries, other, to.size(), s.within);
    for (std::uint64_t left = near; left; left &= left - 1) {
      const auto q = static_cast<std::size_t>(std::countr_zero(left));
      double& sum = s.weight[q];
      for (std::uint64_t bits = s.within[q]; bits; bits &= bits - 1) {
        const Index found = to.begin + std::countr_zero(bits);
        sum += weight_.empty() ? 1.0 : weight_[static_cast<std::size_t>(found)];
        if (keeps_lists()) lists_->add(s.queries.position[q], found);
      }
    }
    drop_finished(s, near);
  }

  // Those of the queries given as bits that have enough are core and look no further.
  void drop_finished(CountScratch& s, std::uint64_t queries) {
    if (has_negative_) return;
    while (queries) {
      const Index q = 63 - std::countl_zero(queries);
      queries ^= std::uint64_t{1} << q;
      if (!(s.weight[static_cast<std::size_t>(q)] >= min_samples_)) continue;
      core_[static_cast<std::size_t>(s.queries.position[static_cast<std::size_t>(q)])] = 1;
      s.queries.drop(q);
      s.weight[static_cast<std::size_t>(q)] = s.weight[static_cast<std::size_t>(s.queries.n)];
    }
  }

  // Adds up what is beside the path from `from` up to `top` for all queries, which `box` holds.
  void seek(std::span<CountScratch> batches, Index from, Index top, const double* box, std::vector<std::int32_t>& stack,
            Run& run, int thread) {
    LastGap last;
    Index n_left = 0, n_seen = 0;
    for (const CountScratch& s : batches) n_left += s.queries.n;
    const auto visit = [&](Index other) {
      if (is_beyond(box, other, last)) return false;
      const bool whole = spans_within<N, D>(box, tree_.box(other), d_, reach_);
      if (!whole && !node(other).is_leaf()) return true;
      const double all = !whole            ? 0
                         : weight_.empty() ? static_cast<double>(node(other).size())
                                           : node_weight_[static_cast<std::size_t>(other)];
      if (keeps_lists() && thread == 0 && ++n_seen % 64 == 0) run.tick();
      n_left = 0;
      for (CountScratch& s : batches) {
        if (s.queries.n == 0) continue;
        if (whole) {
          for (Index q = 0; q < s.queries.n; ++q) {
            s.weight[static_cast<std::size_t>(q)] += all;
            if (keeps_lists()) lists_->lose(s.queries.position[static_cast<std::size_t>(q)]);
          }
          drop_finished(s, first_bits(s.queries.n));
        } else if (batches.size() == 1 || last.gap <= skipped_gap() ||
                   gap_between(s.box.data(), tree_.box(other)) <= reach_.radius) {
          count_leaf(s, other);
        }
        n_left += s.queries.n;
      }
      return false;
    };
    around(from, top, stack, visit, [&] { return n_left == 0 || run.stopped(); });
  }

  // With negative weights a sample is core only when all has been added up.
  void end_count(CountScratch& s) {
    for (Index q = 0; q < s.queries.n; ++q)
      core_[static_cast<std::size_t>(s.queries.position[static_cast<std::size_t>(q)])] =
          s.weight[static_cast<std::size_t>(q)] >= min_samples_;
  }

  // Leaf by leaf within a part. What is left in the part then goes round the other parts together, in full blocks of
  // queries: with many features most of the work is there and is left to few samples of each leaf, boxes are as wide
  // as the data, and a leaf that has come into the cache serves all.
  void count_by_parts(Run& run) {
    divide();
    constexpr Index n_batches = 8;
    struct Scratch {
      CountScratch own;
      std::vector<CountScratch> rest;
      std::vector<double> box;
      explicit Scratch(Index d) : own(d), rest(n_batches, CountScratch(d)), box(static_cast<std::size_t>(2 * d)) {}
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(parallel::n_threads()), Scratch(d_));
    const Blocks blocks{std::ssize(parts_), 1};
    Tally done(run, "counting neighbours", std::ssize(parts_));
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      const Part& part = parts_[static_cast<std::size_t>(b)];
      Scratch& s = scratch[static_cast<std::size_t>(thread)];
      Index filled = 0;  // batches
      const auto flush = [&] {
        const std::span<CountScratch> batches = std::span(s.rest).first(static_cast<std::size_t>(filled));
        for (CountScratch& batch : batches) {
          batch.queries.bound(batch.box.data());
          if (&batch == &batches.front()) s.box = batch.box;
          for (Index f = 0; f < d_; ++f) {
            double& low = s.box[static_cast<std::size_t>(f)];
            double& high = s.box[static_cast<std::size_t>(d_ + f)];
            low = std::min(low, batch.box[static_cast<std::size_t>(f)]);
            high = std::max(high, batch.box[static_cast<std::size_t>(d_ + f)]);
          }
        }
        if (filled > 0) seek(batches, part.top, 0, s.box.data(), s.own.stack, run, thread);
        if (has_negative_)
          for (CountScratch& batch : batches) end_count(batch);
        filled = 0;
        if (thread == 0) run.tick();
      };
      for (Index l = part.first_leaf; l < part.last_leaf && !run.stopped(); ++l) {
        if (!begin_count(leaf(l), s.own)) continue;
        seek({&s.own, 1}, leaf(l), part.top, tree_.box(leaf(l)), s.own.stack, run, thread);
        for (Index q = 0; q < s.own.queries.n; ++q) {
          if (filled == 0 || s.rest[static_cast<std::size_t>(filled - 1)].queries.n == max_leaf) {
            if (filled == n_batches) flush();
            s.rest[static_cast<std::size_t>(filled++)].queries.n = 0;
          }
          CountScratch& batch = s.rest[static_cast<std::size_t>(filled - 1)];
          batch.weight[static_cast<std::size_t>(batch.queries.n)] = s.own.weight[static_cast<std::size_t>(q)];
          batch.queries.add(s.own.queries, q);
        }
      }
      if (!run.stopped()) flush();
      done.add(1, thread);
    });
    done.finish();
  }

  // Subtrees of some hundred samples.
  struct Part {
    Index top;
    Index first_leaf, last_leaf;
  };
  void divide() {
    const auto forced = parallel::forced_block_length();
    const Index most = forced > 0 ? 16 * forced : 512;
    std::vector<std::int32_t> stack{0};
    Index next_leaf = 0;
    while (!stack.empty()) {
      const Index at = stack.back();
      stack.pop_back();
      if (!node(at).is_leaf() && node(at).size() > most) {
        stack.push_back(node(at).left + 1);
        stack.push_back(node(at).left);
        continue;
      }
      const Index first = next_leaf;
      while (next_leaf < n_leaves() && node(leaf(next_leaf)).begin < node(at).end) ++next_leaf;
      parts_.push_back({at, first, next_leaf});
    }
  }

  // --- link -------------------------------------------------------------------------------------------------

  // In every leaf the core samples go first, so that they are a block; boxes shrink to them.
  void gather_cores(Run& run) {
    const Blocks blocks = leaf_blocks();
    for_blocks(blocks, run, work() / 10, [&](Index b, int) {
      AlignedVector<double> copy(static_cast<std::size_t>(max_leaf * d_));
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
        const Node& own = node(leaf(l));
        const Index size = own.size();
        std::uint8_t* core = core_.data() + own.begin;
        const Index cores = std::count(core, core + size, std::uint8_t{1});
        n_core_[static_cast<std::size_t>(leaf(l))] = static_cast<std::int32_t>(cores);
        if (cores > 0) first_core_[static_cast<std::size_t>(leaf(l))] = own.begin;
        if (cores == 0 || cores == size) continue;
        std::array<Index, max_leaf> order;
        Index at = 0;
        for (const std::uint8_t wanted : {1, 0})
          for (Index i = 0; i < size; ++i)
            if (core[i] == wanted) order[static_cast<std::size_t>(at++)] = i;
        double* data = tree_.leaf_data(own);
        std::copy_n(data, size * d_, copy.data());
        std::array<std::int32_t, max_leaf> index;
        std::copy_n(tree_.index.data() + own.begin, size, index.data());
        for (Index i = 0; i < size; ++i) {
          const Index from = order[static_cast<std::size_t>(i)];
          tree_.index[static_cast<std::size_t>(own.begin + i)] = index[static_cast<std::size_t>(from)];
          core[i] = i < cores;
          if (keeps_lists())
            moved_[static_cast<std::size_t>(own.begin + from)] = static_cast<std::int32_t>(own.begin + i);
          for (Index f = 0; f < d_; ++f) data[f * size + i] = copy[static_cast<std::size_t>(f * size + from)];
        }
        if (screens()) quick_->reorder(own, order.data());
        double* box = tree_.box(leaf(l));
        for (Index f = 0; f < d_; ++f) {
          box[f] = *std::min_element(data + f * size, data + f * size + cores);
          box[d_ + f] = *std::max_element(data + f * size, data + f * size + cores);
        }
      }
    });
    for (Index i = n_nodes_ - 1; i >= 0; --i) {
      united_[static_cast<std::size_t>(i)].store(tree_.tight[static_cast<std::size_t>(i)], std::memory_order_relaxed);
      if (node(i).is_leaf()) continue;
      const Index left = node(i).left;
      n_core_[static_cast<std::size_t>(i)] =
          n_core_[static_cast<std::size_t>(left)] + n_core_[static_cast<std::size_t>(left + 1)];
      first_core_[static_cast<std::size_t>(i)] =
          static_cast<std::int32_t>(first_core(left) >= 0 ? first_core(left) : first_core(left + 1));
      if (n_core(i) == node(i).size()) continue;
      double* box = tree_.box(i);
      const double* a = tree_.box(n_core(left) > 0 ? left : left + 1);
      const double* b = tree_.box(n_core(left + 1) > 0 ? left + 1 : left);
      for (Index f = 0; f < d_; ++f) {
        box[f] = std::min(a[f], b[f]);
        box[d_ + f] = std::max(a[d_ + f], b[d_ + f]);
      }
    }
  }

  void link(Run& run) {
    if (keeps_lists()) {
      moved_.resize(static_cast<std::size_t>(tree_.n_samples));
      std::iota(moved_.begin(), moved_.end(), std::int32_t{0});
    }
    gather_cores(run);
    // tight nodes are connected
    for (const std::int32_t l : tree_.leaves) {
      if (!tree_.tight[static_cast<std::size_t>(l)]) continue;
      const Node& own = node(l);
      Index top = l;
      while (node(top).parent >= 0 && tree_.tight[static_cast<std::size_t>(node(top).parent)]) top = node(top).parent;
      for (Index i = own.begin; i < own.begin + n_core(l); ++i) sets_.set(i, first_core(top));
    }
    if constexpr (may_screen)
      if (keeps_lists()) link_strays(run);
    // subtrees by themselves, then against each other
    std::vector<std::int32_t> parts, stack{0};
    const Index small = std::max<Index>(max_leaf, tree_.n_samples / 128);
    while (!stack.empty()) {
      const Index at = stack.back();
      stack.pop_back();
      if (n_core(at) == 0) continue;
      if (node(at).is_leaf() || node(at).size() <= small) {
        parts.push_back(static_cast<std::int32_t>(at));
        continue;
      }
      stack.push_back(node(at).left + 1);
      stack.push_back(node(at).left);
    }
    const auto n_parts = static_cast<Index>(parts.size());
    const Blocks blocks{n_parts, 1};
    std::atomic<Index> done{0};
    const auto tell = [&](int thread) {
      const Index so_far = ++done;
      if (thread == 0) run.progress("linking", static_cast<double>(so_far), 2.0 * static_cast<double>(n_parts));
    };
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      link_inside(parts[static_cast<std::size_t>(b)], run, thread);
      tell(thread);
    });
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      const Index a = parts[static_cast<std::size_t>(b)];
      for (Index j = b + 1; j < n_parts; ++j) link_pair(a, parts[static_cast<std::size_t>(j)], run, thread);
      tell(thread);
    });
    run.progress("linking", 1, 1);
  }

  // With neighbours kept, the pairs that can still matter are few. What is known already is united; each leaf gets a
  // representative, in the largest component it takes part in, and the core samples of the leaf that are not in the
  // representative's component, its strays, look around until they are. A stray that never is has then looked at all
  // core samples. Hence all that is left are pairs of samples that are each in their representative's component: of
  // these a leaf has one, and counts as united from here on.
  void link_strays(Run& run) {
    const Blocks samples = parallel::blocks_of(tree_.n_samples, 64);
    for_blocks(samples, run, 50.0 * static_cast<double>(tree_.n_samples), [&](Index b, int) {
      for (Index i = samples.begin(b); i < samples.end(b); ++i) {
        const Index own = moved_[static_cast<std::size_t>(i)];
        if (!core_[static_cast<std::size_t>(own)]) continue;
        for (const std::int32_t found : lists_->of(i)) {
          const Index other = moved_[static_cast<std::size_t>(found)];
          if (core_[static_cast<std::size_t>(other)]) sets_.unite(own, other);
        }
      }
    });
    std::vector<std::int32_t> size(static_cast<std::size_t>(tree_.n_samples));
    for (const std::int32_t l : tree_.leaves)
      for (Index i = node(l).begin; i < node(l).begin + n_core(l); ++i) ++size[static_cast<std::size_t>(sets_.find(i))];
    settled_.assign(static_cast<std::size_t>(n_nodes_), 0);
    for (const std::int32_t l : tree_.leaves) {
      const Index begin = node(l).begin;
      std::array<Index, max_leaf> root;
      Index best = 0;
      for (Index i = 0; i < n_core(l); ++i) {
        root[static_cast<std::size_t>(i)] = sets_.find(begin + i);
        if (size[static_cast<std::size_t>(root[static_cast<std::size_t>(i)])] >
            size[static_cast<std::size_t>(root[static_cast<std::size_t>(best)])])
          best = i;
      }
      if (n_core(l) > 0) first_core_[static_cast<std::size_t>(l)] = static_cast<std::int32_t>(begin + best);
      for (Index i = 0; i < n_core(l); ++i)
        if (root[static_cast<std::size_t>(i)] == root[static_cast<std::size_t>(best)])
          settled_[static_cast<std::size_t>(l)] |= std::uint64_t{1} << i;
    }

    struct Scratch {
      Queries queries;
      std::array<Index, max_leaf> home;  // leaf
      LastGap last;
      Bits within;
      std::vector<std::int32_t> stack;
      std::vector<double> box;
      explicit Scratch(Index d) : queries(d), box(static_cast<std::size_t>(2 * d)) {}
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(parallel::n_threads()), Scratch(d_));
    const Blocks blocks{std::ssize(parts_), 1};
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      const Part& part = parts_[static_cast<std::size_t>(b)];
      Scratch& s = scratch[static_cast<std::size_t>(thread)];
      Index n_seen = 0;
      const auto drop_settled = [&] {
        for (Index q = s.queries.n - 1; q >= 0; --q) {
          const Index home = s.home[static_cast<std::size_t>(q)];
          const Index position = s.queries.position[static_cast<std::size_t>(q)];
          if (sets_.find(position) != sets_.find(first_core(home))) continue;
          settled_[static_cast<std::size_t>(home)] |= std::uint64_t{1} << (position - node(home).begin);
          s.queries.drop(q);
          s.home[static_cast<std::size_t>(q)] = s.home[static_cast<std::size_t>(s.queries.n)];
        }
      };
      const auto visit = [&](Index other) {
        if (n_core(other) == 0 || is_beyond(s.box.data(), other, s.last)) return false;
        if (!node(other).is_leaf()) return true;
        if (thread == 0 && ++n_seen % 256 == 0) run.tick();
        bool found = false;
        for (std::uint64_t left = look(s.queries, other, n_core(other), s.within); left; left &= left - 1) {
          const Index q = std::countr_zero(left);
          for (std::uint64_t bits = s.within[static_cast<std::size_t>(q)]; bits; bits &= bits - 1) {
            sets_.unite(s.queries.position[static_cast<std::size_t>(q)], node(other).begin + std::countr_zero(bits));
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
        walk(s.stack, visit, done);
        if (!done()) around(part.top, 0, s.stack, visit, done);
        s.queries.n = 0;
        if (thread == 0) run.tick();
      };
      s.queries.n = 0;
      for (Index l = part.first_leaf; l < part.last_leaf && !run.stopped(); ++l)
        for (Index i = 0; i < n_core(leaf(l)); ++i) {
          if (settled_[static_cast<std::size_t>(leaf(l))] >> i & 1) continue;
          if (s.queries.n == max_leaf) flush();
          s.home[static_cast<std::size_t>(s.queries.n)] = leaf(l);
          add_query(s.queries, node(leaf(l)), i);
        }
      if (!run.stopped()) flush();
    });
    for (Index i = n_nodes_ - 1; i >= 0; --i) {
      if (node(i).is_leaf()) {
        united_[static_cast<std::size_t>(i)].store(1, std::memory_order_relaxed);
        continue;
      }
      const Index left = node(i).left;
      first_core_[static_cast<std::size_t>(i)] =
          static_cast<std::int32_t>(first_core(left) >= 0 ? first_core(left) : first_core(left + 1));
    }
  }

  // All core samples of the node, but for strays, are known to be one component.
  bool united(Index at) {
    auto& flag = united_[static_cast<std::size_t>(at)];
    if (flag.load(std::memory_order_relaxed)) return true;
    const Node& own = node(at);
    if (n_core(at) > 1) {
      if (own.is_leaf()) {
        const Index root = sets_.find(own.begin);
        for (Index i = 1; i < n_core(at); ++i)
          if (sets_.find(own.begin + i) != root) return false;
      } else {
        const Index left = own.left;
        for (const Index child : {left, left + 1})
          if (n_core(child) > 0 && !united_[static_cast<std::size_t>(child)].load(std::memory_order_relaxed))
            return false;
        if (n_core(left) > 0 && n_core(left + 1) > 0 &&
            sets_.find(first_core(left)) != sets_.find(first_core(left + 1)))
          return false;
      }
    }
    flag.store(1, std::memory_order_relaxed);
    return true;
  }

  void link_inside(Index at, Run& run, int thread) {
    if (n_core(at) < 2 || united(at)) return;
    if (node(at).is_leaf()) return link_leaves(at, at);
    const Index left = node(at).left;
    link_inside(left, run, thread);
    link_inside(left + 1, run, thread);
    link_pair(left, left + 1, run, thread);
    united(at);
  }

  void link_pair(Index a, Index b, Run& run, int thread) {
    if (n_core(a) == 0 || n_core(b) == 0) return;
    if (!(gap_between(a, b) <= reach_.radius)) return;
    if (united(a) && united(b)) {
      if (sets_.find(first_core(a)) == sets_.find(first_core(b))) return;
      if (span_between(tree_.box(a), tree_.box(b)) <= reach_.radius) return sets_.unite(first_core(a), first_core(b));
    }
    if (node(a).is_leaf() && node(b).is_leaf()) {
      if (run.stopped()) return;
      link_leaves(a, b);
      if (thread == 0) run.tick();
      return;
    }
    if (node(a).is_leaf() || (!node(b).is_leaf() && n_core(a) < n_core(b))) std::swap(a, b);
    Index near = node(a).left;
    Index far = near + 1;
    if (n_core(near) == 0 || n_core(far) == 0) return link_pair(n_core(near) == 0 ? far : near, b, run, thread);
    if (gap_between(far, b) < gap_between(near, b)) std::swap(near, far);
    link_pair(near, b, run, thread);
    link_pair(far, b, run, thread);
  }

  void link_leaves(Index a, Index b) {
    if (united(b)) std::swap(a, b);
    const Node& one = node(a);
    const Node& other = node(b);
    const Block from = tree_.block(other).slice(0, n_core(b));
    const Block to = tree_.block(one).slice(0, n_core(a));
    const bool a_united = united(a);
    const bool both_united = a_united && united(b);
    if (both_united && !screens()) {
      if (kernels_.any(from, to, reach_)) sets_.unite(one.begin, other.begin);
      return;
    }
    Bits within;
    const std::uint64_t to_settled = keeps_lists() ? settled_[static_cast<std::size_t>(a)] : ~std::uint64_t{0};
    const std::uint64_t from_settled = keeps_lists() ? settled_[static_cast<std::size_t>(b)] : ~std::uint64_t{0};
    look(from, screens() ? quick_->block(other).slice(0, n_core(b)) : ScreenBlock{}, to,
         screens() ? quick_->block(one).slice(0, n_core(a)) : ScreenBlock{}, within);
    for (Index q = 0; q < from.n; ++q) {
      if (!(from_settled >> q & 1)) continue;
      for (std::uint64_t bits = within[static_cast<std::size_t>(q)] & to_settled; bits; bits &= bits - 1) {
        sets_.unite(other.begin + q, one.begin + std::countr_zero(bits));
        if (both_united) return;
        if (a_united) break;
      }
    }
  }

  // --- number -----------------------------------------------------------------------------------------------

  DbscanResult number(Run& run) {
    const Index n = tree_.n_samples;
    // the first core sample of each component, at its root
    std::vector<std::int32_t> label(static_cast<std::size_t>(n), none);
    std::vector<std::int32_t> roots;
    Index cores = 0;
    for (const std::int32_t l : tree_.leaves)
      for (Index i = node(l).begin; i < node(l).begin + n_core(l); ++i) {
        const auto root = static_cast<std::size_t>(sets_.find(i));
        if (label[root] == none) roots.push_back(static_cast<std::int32_t>(root));
        label[root] = std::min(label[root], tree_.index[static_cast<std::size_t>(i)]);
        ++cores;
      }
    std::sort(roots.begin(), roots.end(), [&](std::int32_t a, std::int32_t b) {
      return label[static_cast<std::size_t>(a)] < label[static_cast<std::size_t>(b)];
    });
    for (std::size_t r = 0; r < roots.size(); ++r)
      label[static_cast<std::size_t>(roots[r])] = static_cast<std::int32_t>(r);
    run.checkpoint();

    // labels by position; of nodes the smallest
    least_.assign(static_cast<std::size_t>(n_nodes_), none);
    const Blocks blocks = leaf_blocks();
    for_blocks(blocks, run, work() / 10, [&](Index b, int) {
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
        const Node& own = node(leaf(l));
        std::int32_t least = none;
        for (Index i = own.begin; i < own.begin + n_core(leaf(l)); ++i) {
          // a root is the smallest position of its set; only roots are read, and each is written with its own label
          const std::int32_t mine = label[static_cast<std::size_t>(sets_.find(i))];
          least = std::min(least, mine);
        }
        least_[static_cast<std::size_t>(leaf(l))] = least;
      }
    });
    for (Index i = n_nodes_ - 1; i >= 0; --i)
      if (!node(i).is_leaf())
        least_[static_cast<std::size_t>(i)] = std::min(least_[static_cast<std::size_t>(node(i).left)],
                                                       least_[static_cast<std::size_t>(node(i).left + 1)]);

    DbscanResult result;
    result.labels.resize(static_cast<std::size_t>(n));
    const std::span<const std::int32_t> of_root(label);
    std::vector<BorderScratch> scratch(static_cast<std::size_t>(parallel::n_threads()), BorderScratch(d_));
    std::atomic<Index> done{0};
    for_blocks(blocks, run, work(), [&](Index b, int thread) {
      for (Index l = blocks.begin(b); l < blocks.end(b) && !run.stopped(); ++l) {
        const Node& own = node(leaf(l));
        for (Index i = own.begin; i < own.begin + n_core(leaf(l)); ++i)
          result.labels[static_cast<std::size_t>(tree_.index[static_cast<std::size_t>(i)])] =
              of_root[static_cast<std::size_t>(sets_.find(i))];
        if (n_core(leaf(l)) < own.size())
          border_leaf(leaf(l), of_root, scratch[static_cast<std::size_t>(thread)], result.labels);
        if (thread == 0) run.tick();
      }
      const Index leaves = done.fetch_add(blocks.end(b) - blocks.begin(b)) + blocks.end(b) - blocks.begin(b);
      if (thread == 0) run.progress("border samples", static_cast<double>(leaves), static_cast<double>(n_leaves()));
    });
    run.progress("border samples", 1, 1);
    result.core_samples.reserve(static_cast<std::size_t>(cores));
    std::vector<std::uint8_t> is_core(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i)
      is_core[static_cast<std::size_t>(tree_.index[static_cast<std::size_t>(i)])] = core_[static_cast<std::size_t>(i)];
    for (Index i = 0; i < n; ++i)
      if (is_core[static_cast<std::size_t>(i)]) result.core_samples.push_back(i);
    return result;
  }

  struct BorderScratch {
    Queries queries;
    std::array<std::int32_t, max_leaf> best;
    Bits within;
    std::vector<std::int32_t> stack;
    std::vector<double> box;

    explicit BorderScratch(Index d) : queries(d), box(static_cast<std::size_t>(2 * d)) {}
  };

  void border_leaf(Index at, std::span<const std::int32_t> of_root, BorderScratch& s,
                   std::vector<std::int32_t>& labels) {
    const Node& own = node(at);
    const auto set_label = [&](Index position, std::int32_t label) {
      labels[static_cast<std::size_t>(tree_.index[static_cast<std::size_t>(position)])] = label == none ? -1 : label;
    };
    s.queries.n = 0;
    if (keeps_lists()) {
      for (Index i = own.begin; i < own.end; ++i) {  // where it was when neighbours were found
        const Index position = moved_[static_cast<std::size_t>(i)];
        if (core_[static_cast<std::size_t>(position)]) continue;
        if (!lists_->is_whole(i)) {
          add_query(s.queries, own, position - own.begin);
          continue;
        }
        std::int32_t best = none;
        for (const std::int32_t found : lists_->of(i)) {
          const Index other = moved_[static_cast<std::size_t>(found)];
          if (core_[static_cast<std::size_t>(other)])
            best = std::min(best, of_root[static_cast<std::size_t>(sets_.find(other))]);
        }
        set_label(position, best);
      }
      if (s.queries.n == 0) return;
    } else {
      for (Index i = n_core(at); i < own.size(); ++i) add_query(s.queries, own, i);
    }
    s.queries.bound(s.box.data());
    std::fill_n(s.best.begin(), s.queries.n, none);
    std::int32_t worst = none;
    const auto take = [&](Index other) {
      const std::int32_t least = least_[static_cast<std::size_t>(other)];
      if (least >= worst) return false;
      const double* there = tree_.box(other);
      if (!(gap_between(s.box.data(), there) <= reach_.radius)) return false;
      if (span_between(s.box.data(), there) <= reach_.radius) {
        for (Index q = 0; q < s.queries.n; ++q)
          s.best[static_cast<std::size_t>(q)] = std::min(s.best[static_cast<std::size_t>(q)], least);
      } else if (node(other).is_leaf()) {
        const Index first = node(other).begin;
        const bool one = !keeps_lists() && united(other);
        look(s.queries, other, n_core(other), s.within);
        for (Index q = 0; q < s.queries.n; ++q) {
          std::int32_t& best = s.best[static_cast<std::size_t>(q)];
          for (std::uint64_t bits = s.within[static_cast<std::size_t>(q)]; bits; bits &= bits - 1) {
            best = std::min(best, of_root[static_cast<std::size_t>(sets_.find(first + std::countr_zero(bits)))]);
            if (one) break;
          }
        }
      } else {
        return true;
      }
      worst = *std::max_element(s.best.begin(), s.best.begin() + s.queries.n);
      return false;
    };
    if (n_core(at) > 0) take(at);
    around(at, 0, s.stack, take, [&] { return worst == 0; });
    for (Index q = 0; q < s.queries.n; ++q)
      set_label(s.queries.position[static_cast<std::size_t>(q)], s.best[static_cast<std::size_t>(q)]);
  }

  CellTree tree_;
  Reach reach_;
  const ReachKernels& kernels_;
  std::optional<ScreenedTree> quick_;
  double min_samples_;
  bool has_negative_;
  Index d_;
  Index n_nodes_;
  Sets sets_;
  std::vector<double> weight_, node_weight_;             // by position, by node; empty without weights
  std::vector<std::uint8_t> core_;                       // by position
  std::vector<std::int32_t> n_core_;                     // by node; a leaf's core samples are its first
  std::vector<std::int32_t> first_core_;                 // by node: a position, or -1
  std::optional<Lists> lists_;                           // of positions as they were when neighbours were counted
  std::vector<std::int32_t> moved_;                      // with lists: where a position went in gather_cores
  std::vector<std::uint64_t> settled_;                   // with lists, by leaf: core samples one with the first_core_
  std::vector<Part> parts_;                              // with lists
  std::vector<std::int32_t> least_;                      // by node: the smallest label of its core samples
  std::unique_ptr<std::atomic<std::uint8_t>[]> united_;  // by node; once set it stays true
};

}  // namespace

template <class T>
DbscanResult dbscan(Points<const T> x, std::span<const double> weight, const Reach& reach, double min_samples,
                    Run& run) {
  const bool has_negative = std::any_of(weight.begin(), weight.end(), [](double w) { return w < 0; });
  const double dense = has_negative ? std::numeric_limits<double>::infinity() : min_samples;
  CellTree tree = build_cells(x, weight, reach, dense, cell_size(x.n_features), run);
  DbscanResult result;
  with_norm(reach.norm, x.n_features, [&](auto norm, auto d) {
    result = Cells<norm(), d()>(std::move(tree), weight, reach, min_samples, has_negative).labels(weight, run);
  });
  return result;
}

#define SHOAL_INSTANTIATE(T) \
  template DbscanResult dbscan(Points<const T>, std::span<const double>, const Reach&, double, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::density
