#include "density/optics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "density/cells.hpp"
#include "density/core_distances.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {

const OpticsKernels& optics_kernels(Norm norm, Index n_features) {
  const OpticsTable& table = SHOAL_PICK_TABLE(optics_table);
  const Index column = n_features <= OpticsTable::n_fixed ? n_features - 1 : OpticsTable::n_fixed;
  return table.kernels[static_cast<int>(norm)][column];
}

namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr double infinity = std::numeric_limits<double>::infinity();

OpticsGraph empty_graph(Index n) {
  const auto size = static_cast<std::size_t>(n);
  OpticsGraph graph;
  graph.ordering.reserve(size);
  graph.core_distances.resize(size);
  graph.reachability.assign(size, infinity);
  graph.predecessor.assign(size, -1);
  return graph;
}

void finish_core_distances(std::span<double> distances, double max_eps) {
  for (double& value : distances) value = value > max_eps ? infinity : round_distance(value);
}

// The norms that are within max_eps are below this.
double limit_of(std::string_view metric, double max_eps, double p) {
  return max_eps == infinity ? infinity : std::nextafter(reach_of(metric, max_eps, p).radius, infinity);
}

void tell(const OpticsGraph& graph, Index n, Run& run) {
  const auto done = static_cast<Index>(graph.ordering.size());
  if (done % 64 != 0 && n < Index{1} << 16 && done < n) return;  // the clock costs as much as a short step
  run.checkpoint();
  run.progress("ordering", static_cast<double>(graph.ordering.size()), static_cast<double>(n));
}

// At most the norms of distances that are above the core distance, whatever was rounded on the way.
double core_norm(Norm norm, const Visit& visit) {
  const double less = visit.core * (1 - 1e-14) - 2e-15;
  if (!(less > 0)) return 0;
  if (visit.halved) return less * 2;
  if (norm == Norm::sq_euclidean) return less * less * (1 - 1e-14);
  if (norm == Norm::minkowski) return std::pow(less, visit.p) * (1 - pow_margin);
  return less;
}

// Samples in index order, without those that have been visited for a while.
class Rows {
 public:
  Rows(const CellTree& tree, Norm norm, double limit)
      : norm_(norm), kernels_(optics_kernels(norm, tree.n_features)), d_(tree.n_features) {
    n_ = tree.n_samples;
    stride_ = n_;
    const auto size = static_cast<std::size_t>(n_ + block_padding);
    data_.resize(static_cast<std::size_t>(n_ * d_ + block_padding));
    key_.assign(size, infinity);
    bound_.assign(size, limit);
    predecessor_.assign(size, -1);
    sample_.resize(size);
    std::iota(sample_.begin(), sample_.end(), 0);
    for (const std::int32_t l : tree.leaves) {
      const Node& leaf = tree.nodes[static_cast<std::size_t>(l)];
      const Block block = tree.block(leaf);
      for (Index i = 0; i < leaf.size(); ++i)
        for (Index f = 0; f < d_; ++f)
          data_[static_cast<std::size_t>(f * stride_ + tree.index[static_cast<std::size_t>(leaf.begin + i)])] =
              block.data[f * block.stride + i];
    }
    query_.resize(static_cast<std::size_t>(d_));
  }

  OpticsGraph order(OpticsGraph&& graph, Visit visit, Run& run) {
    const Index n = n_;
    Index live = n_;
    Index first = 0;  // no slot before it waits
    Index at = 0;
    for (;;) {
      take(at, graph);
      if (--live == 0) break;
      visit.sample = sample_[static_cast<std::size_t>(at)];
      visit.core = graph.core_distances[static_cast<std::size_t>(visit.sample)];
      visit.query = nullptr;
      if (visit.core < infinity) {
        for (Index f = 0; f < d_; ++f)
          query_[static_cast<std::size_t>(f)] = data_[static_cast<std::size_t>(f * stride_ + at)];
        visit.query = query_.data();
        visit.core_norm = core_norm(norm_, visit);
      }
      if (live < n_ - n_ / 8) {
        compact();
        first = 0;
      }
      const Least least = relax(visit, run);
      at = least.slot;
      if (least.key == infinity) {
        while (bound_[static_cast<std::size_t>(first)] < 0) ++first;
        at = first;
      }
      tell(graph, n, run);
    }
    tell(graph, n, run);
    return std::move(graph);
  }

 private:
  void take(Index at, OpticsGraph& graph) {
    const auto slot = static_cast<std::size_t>(at);
    const auto sample = static_cast<std::size_t>(sample_[slot]);
    graph.ordering.push_back(sample_[slot]);
    graph.reachability[sample] = key_[slot];
    graph.predecessor[sample] = predecessor_[slot];
    key_[slot] = infinity;
    bound_[slot] = -1;
  }

  void compact() {
    Index to = 0;
    for (Index i = 0; i < n_; ++i) {
      const auto from = static_cast<std::size_t>(i);
      if (bound_[from] < 0) continue;
      const auto slot = static_cast<std::size_t>(to++);
      key_[slot] = key_[from];
      bound_[slot] = bound_[from];
      predecessor_[slot] = predecessor_[from];
      sample_[slot] = sample_[from];
      for (Index f = 0; f < d_; ++f)
        data_[static_cast<std::size_t>(f * stride_) + slot] = data_[static_cast<std::size_t>(f * stride_) + from];
    }
    n_ = to;
  }

  Least relax(const Visit& visit, Run& run) {
    Blocks blocks{n_, 4096};
    if (const auto length = parallel::forced_block_length(); length > 0) blocks.length = length;
    const double work = parallel::work_of_step(0.4 * static_cast<double>(n_ * (d_ + 2)));
    if (blocks.count() == 1) return relax(visit, 0, n_);
    part_.resize(static_cast<std::size_t>(blocks.count()));
    for_blocks(blocks, run, work, [&](Index b, int) {
      part_[static_cast<std::size_t>(b)] = relax(visit, blocks.begin(b), blocks.end(b));
    });
    Least least = part_[0];
    for (const Least& part : part_)
      if (part.key < least.key) least = part;
    return least;
  }
  Least relax(const Visit& visit, Index begin, Index end) {
    Least least = kernels_.relax(visit, {data_.data() + begin, stride_, end - begin, d_},
                                 {key_.data() + begin, bound_.data() + begin, predecessor_.data() + begin});
    least.slot += begin;
    return least;
  }

  Norm norm_;
  const OpticsKernels& kernels_;
  Index d_;
  Index n_ = 0;  // slots in use
  Index stride_ = 0;
  AlignedVector<double> data_, key_, bound_;
  std::vector<std::int64_t> predecessor_;
  std::vector<std::int32_t> sample_;
  std::vector<double> query_;
  std::vector<Least> part_;
};

// Samples in tree order; every node knows the least key and the largest bound in it.
template <Norm N, int D>
class Tree {
 public:
  Tree(const CellTree& tree, double limit, double p)
      : tree_(tree), kernels_(optics_kernels(N, tree.n_features)), p_(p), d_(tree.n_features) {
    const auto size = static_cast<std::size_t>(tree.n_samples + block_padding);
    key_.assign(size, infinity);
    bound_.assign(size, limit);
    predecessor_.assign(size, -1);
    node_.assign(tree.nodes.size(), {infinity, 0, limit});
    position_.resize(static_cast<std::size_t>(tree.n_samples));
    leaf_.resize(static_cast<std::size_t>(tree.n_samples));
    for (const std::int32_t l : tree.leaves)
      for (Index i = node(l).begin; i < node(l).end; ++i) {
        const auto sample = static_cast<std::size_t>(tree.index[static_cast<std::size_t>(i)]);
        position_[sample] = static_cast<std::int32_t>(i);
        leaf_[sample] = l;
      }
    query_.resize(static_cast<std::size_t>(2 * d_));
  }

  OpticsGraph order(OpticsGraph&& graph, Visit visit, Run& run) {
    const Index n = tree_.n_samples;
    Index first = 0;  // no sample before it waits
    Index sample = 0;
    for (;;) {
      take(sample, graph);
      if (static_cast<Index>(graph.ordering.size()) == n) break;
      visit.sample = static_cast<std::int32_t>(sample);
      visit.core = graph.core_distances[static_cast<std::size_t>(sample)];
      if (visit.core < infinity) {
        const Node& own = node(leaf_[static_cast<std::size_t>(sample)]);
        const double* from = tree_.block(own).data + position_[static_cast<std::size_t>(sample)] - own.begin;
        for (Index f = 0; f < d_; ++f)
          query_[static_cast<std::size_t>(f)] = query_[static_cast<std::size_t>(d_ + f)] = from[f * own.size()];
        visit.query = query_.data();
        visit.core_norm = core_norm(N, visit);
        relax(0, visit);
      }
      const Least& least = node_[0];
      if (least.key == infinity) {
        while (bound_[static_cast<std::size_t>(position_[static_cast<std::size_t>(first)])] < 0) ++first;
        sample = first;
      } else {
        sample = least.slot;
      }
      tell(graph, n, run);
    }
    tell(graph, n, run);
    return std::move(graph);
  }

 private:
  const Node& node(Index i) const { return tree_.nodes[static_cast<std::size_t>(i)]; }

  void take(Index sample, OpticsGraph& graph) {
    const auto slot = static_cast<std::size_t>(position_[static_cast<std::size_t>(sample)]);
    graph.ordering.push_back(sample);
    graph.reachability[static_cast<std::size_t>(sample)] = key_[slot];
    graph.predecessor[static_cast<std::size_t>(sample)] = predecessor_[slot];
    key_[slot] = infinity;
    bound_[slot] = -1;
    for (Index at = leaf_[static_cast<std::size_t>(sample)]; at >= 0; at = node(at).parent)
      if (node(at).is_leaf())
        look(at, Visit{});
      else
        combine(at);
  }

  // Slots of nodes are samples, so that ties between leaves go to the smaller one.
  void look(Index at, const Visit& visit) {
    const Node& own = node(at);
    Least least = kernels_.relax(visit, tree_.block(own),
                                 {key_.data() + own.begin, bound_.data() + own.begin, predecessor_.data() + own.begin});
    least.slot = tree_.index[static_cast<std::size_t>(own.begin + least.slot)];
    node_[static_cast<std::size_t>(at)] = least;
  }
  void combine(Index at) {
    const Least& a = node_[static_cast<std::size_t>(node(at).left)];
    const Least& b = node_[static_cast<std::size_t>(node(at).left + 1)];
    Least& least = node_[static_cast<std::size_t>(at)];
    least = b.key < a.key || (b.key == a.key && b.slot < a.slot) ? b : a;
    least.max_bound = std::max(a.max_bound, b.max_bound);
  }

  // True when something in the node may have changed.
  bool relax(Index at, const Visit& visit) {
    const double max_bound = node_[static_cast<std::size_t>(at)].max_bound;
    if (!(visit.core_norm < max_bound) || !(gap<N, D>(query_.data(), tree_.box(at), d_, p_) < max_bound)) return false;
    if (node(at).is_leaf()) {
      look(at, visit);
      return true;
    }
    const bool left = relax(node(at).left, visit);
    const bool right = relax(node(at).left + 1, visit);
    if (left || right) combine(at);
    return left || right;
  }

  const CellTree& tree_;
  const OpticsKernels& kernels_;
  double p_;
  Index d_;
  AlignedVector<double> key_, bound_;      // by position
  std::vector<std::int64_t> predecessor_;  // by position
  std::vector<Least> node_;
  std::vector<std::int32_t> position_, leaf_;  // by sample
  std::vector<double> query_;                  // twice: a box
};

// Without a radius every step improves samples far away too, and boxes rule little out; measured.
bool use_tree(Index n, Index n_features, double max_eps) {
  if (max_eps < infinity) return n_features <= 16;
  return n_features <= 3 && n > 80'000;
}

}  // namespace

template <class T>
OpticsGraph optics(Points<const T> x, std::string_view metric, double p, Index min_samples, double max_eps,
                   OpticsSearch search, Run& run) {
  const Index n = x.n_samples;
  const Reach reach = reach_of(metric, 0, p);
  const double limit = limit_of(metric, max_eps, p);
  const CellTree tree = build_search_tree(x, reach, run);
  OpticsGraph graph = empty_graph(n);
  {
    std::vector<double> norms(static_cast<std::size_t>(n));
    core_norms(tree, reach, min_samples, norms, run);
    to_distances(metric, p, false, norms);
    finish_core_distances(norms, max_eps);
    for (std::size_t i = 0; i < norms.size(); ++i)
      graph.core_distances[static_cast<std::size_t>(tree.index[i])] = norms[i];
  }
  Visit visit;
  visit.bound_limit = limit;
  visit.p = p;
  visit.halved = metric == "cosine";
  if (search == OpticsSearch::automatic)
    search = use_tree(n, x.n_features, max_eps) ? OpticsSearch::tree : OpticsSearch::rows;
  if (search == OpticsSearch::rows) return Rows(tree, reach.norm, limit).order(std::move(graph), visit, run);
  with_norm(reach.norm, x.n_features,
            [&](auto norm, auto d) { graph = Tree<norm(), d()>(tree, limit, p).order(std::move(graph), visit, run); });
  return graph;
}

// --- stored distances ---------------------------------------------------------------------------------------

template <class T>
OpticsGraph optics_precomputed(Points<const T> x, Index min_samples, double max_eps, Run& run) {
  const Index n = x.n_samples;
  OpticsGraph graph = empty_graph(n);
  const Blocks blocks = parallel::blocks_of(n, static_cast<std::size_t>(n) * sizeof(T), std::size_t{1} << 18, 1);
  for_blocks(blocks, run, static_cast<double>(n) * static_cast<double>(n), [&](Index b, int) {
    std::vector<T> row;
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      row.assign(x.row(i), x.row(i) + n);
      std::nth_element(row.begin(), row.begin() + (min_samples - 1), row.end());
      graph.core_distances[static_cast<std::size_t>(i)] =
          static_cast<double>(row[static_cast<std::size_t>(min_samples - 1)]);
    }
  });
  finish_core_distances(graph.core_distances, max_eps);
  // unvisited samples, ascending
  std::vector<std::int32_t> waiting(static_cast<std::size_t>(n));
  std::iota(waiting.begin(), waiting.end(), 0);
  std::size_t at = 0;
  for (;;) {
    const Index sample = waiting[at];
    graph.ordering.push_back(sample);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
    tell(graph, n, run);
    if (waiting.empty()) break;
    const double core = graph.core_distances[static_cast<std::size_t>(sample)];
    const T* row = x.row(sample);
    at = 0;
    double least = infinity;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const auto other = static_cast<std::size_t>(waiting[i]);
      const auto distance = static_cast<double>(row[other]);
      double& key = graph.reachability[other];
      // rounding may lower a distance by a little
      const double reach = key * (1 + 1e-14) + 2e-15;
      if (core < infinity && distance <= max_eps && distance <= reach && core <= reach) {
        const double reachability = round_distance(std::max(distance, core));
        if (reachability < key) {
          key = reachability;
          graph.predecessor[other] = sample;
        }
      }
      if (key < least) {
        least = key;
        at = i;
      }
    }
  }
  return graph;
}

namespace {

// Samples by (key, index), the least first; keys only fall.
class Heap {
 public:
  explicit Heap(std::span<const double> keys) : key_(keys), place_(keys.size(), -1) {}

  bool empty() const { return heap_.empty(); }
  /// After the key of the sample has fallen; takes it in when it is not there.
  void fell(std::int32_t sample) {
    auto& place = place_[static_cast<std::size_t>(sample)];
    if (place < 0) {
      place = static_cast<std::int32_t>(heap_.size());
      heap_.push_back(sample);
    }
    up(static_cast<std::size_t>(place));
  }
  std::int32_t pop() {
    const std::int32_t top = heap_.front();
    const std::int32_t last = heap_.back();
    heap_.pop_back();
    place_[static_cast<std::size_t>(top)] = -1;
    if (!heap_.empty()) {
      put(0, last);
      down(0);
    }
    return top;
  }

 private:
  bool before(std::int32_t a, std::int32_t b) const {
    const double x = key_[static_cast<std::size_t>(a)];
    const double y = key_[static_cast<std::size_t>(b)];
    return x < y || (x == y && a < b);
  }
  void put(std::size_t at, std::int32_t sample) {
    heap_[at] = sample;
    place_[static_cast<std::size_t>(sample)] = static_cast<std::int32_t>(at);
  }
  void up(std::size_t at) {
    const std::int32_t sample = heap_[at];
    for (; at > 0 && before(sample, heap_[(at - 1) / 2]); at = (at - 1) / 2) put(at, heap_[(at - 1) / 2]);
    put(at, sample);
  }
  void down(std::size_t at) {
    const std::int32_t sample = heap_[at];
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], sample)) break;
      put(at, heap_[child]);
      at = child;
    }
    put(at, sample);
  }

  std::span<const double> key_;
  std::vector<std::int32_t> heap_;
  std::vector<std::int32_t> place_;  // by sample; -1: not there
};

}  // namespace

template <class T>
OpticsGraph optics_graph(std::span<const T> values, std::span<const std::int32_t> columns,
                         std::span<const std::int32_t> row_start, Index min_samples, double max_eps, Run& run) {
  const auto n = static_cast<Index>(row_start.size()) - 1;
  OpticsGraph graph = empty_graph(n);
  std::vector<T> row;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    if (i % 256 == 0) run.checkpoint();
    row.assign(values.begin() + row_start[i], values.begin() + row_start[i + 1]);
    std::nth_element(row.begin(), row.begin() + (min_samples - 1), row.end());
    graph.core_distances[i] = static_cast<double>(row[static_cast<std::size_t>(min_samples - 1)]);
  }
  finish_core_distances(graph.core_distances, max_eps);
  std::vector<std::uint8_t> visited(static_cast<std::size_t>(n));
  Heap heap(graph.reachability);
  std::size_t first = 0;
  while (static_cast<Index>(graph.ordering.size()) < n) {
    std::size_t sample;
    if (heap.empty()) {
      while (visited[first]) ++first;
      sample = first;
    } else {
      sample = static_cast<std::size_t>(heap.pop());
    }
    visited[sample] = 1;
    graph.ordering.push_back(static_cast<std::int64_t>(sample));
    tell(graph, n, run);
    const double core = graph.core_distances[sample];
    if (!(core < infinity)) continue;
    const auto end = static_cast<std::size_t>(row_start[sample + 1]);
    for (auto at = static_cast<std::size_t>(row_start[sample]); at < end; ++at) {
      const auto other = static_cast<std::size_t>(columns[at]);
      const auto distance = static_cast<double>(values[at]);
      if (visited[other] || !(distance <= max_eps)) continue;
      const double reachability = round_distance(std::max(distance, core));
      if (!(reachability < graph.reachability[other])) continue;
      graph.reachability[other] = reachability;
      graph.predecessor[other] = static_cast<std::int64_t>(sample);
      heap.fell(static_cast<std::int32_t>(other));
    }
  }
  return graph;
}

#define SHOAL_INSTANTIATE(T)                                                                                          \
  template OpticsGraph optics(Points<const T>, std::string_view, double, Index, double, OpticsSearch, Run&);          \
  template OpticsGraph optics_precomputed(Points<const T>, Index, double, Run&);                                      \
  template OpticsGraph optics_graph(std::span<const T>, std::span<const std::int32_t>, std::span<const std::int32_t>, \
                                    Index, double, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::density
