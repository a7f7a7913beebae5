#include "neighbors/mst_kd_tree.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "neighbors/nearest_search.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

/// Neighbours asked for beyond min_samples: one to know that no point behind the last is equally near, the others
/// because a neighbour that came inside is often followed by one that is outside still.
constexpr Index more_neighbors = 2;
/// Beyond these a search may be so long that each looks whether to stop.
constexpr Index few_features = 6;
/// Neighbours of a point that are remembered, at most.
constexpr Index most_kept = 16;
/// Neighbours asked for when core distances are given.
constexpr Index few_neighbors = 4;

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

template <class T>
T just_below(T value) {
  return std::nextafter(value, -infinity<T>);
}

template <class T>
class Boruvka {
 public:
  /// `core`: by position, or empty.
  Boruvka(const KDTree<T>& tree, std::vector<T> core, Index k, std::vector<T> reduced, std::vector<std::int32_t> near,
          T alpha)
      : tree_(tree),
        n_(tree.n_samples()),
        core_(std::move(core)),
        k_(k),
        reduced_(std::move(reduced)),
        near_(std::move(near)),
        alpha_(alpha),
        component_(size_of(n_)),
        node_component_(tree.n_all_nodes(), mixed),
        weight_(size_of(n_)),
        other_(size_of(n_), none),
        beyond_(size_of(n_), T{-1}),
        bound_(size_of(n_), infinity<T>),
        size_(size_of(n_), 1) {
    std::iota(component_.begin(), component_.end(), 0);
    if (!core_.empty()) find_node_cores();
  }

  SpanningTree run(Run& run) {
    edges_.reserve(size_of(n_ - 1));
    Index n_components = n_;
    while (n_components > 1) {
      // the first round has no largest component
      const std::int32_t largest =
          n_components == n_ ? none : static_cast<std::int32_t>(std::ranges::max_element(size_) - size_.begin());
      look_up(largest, run);
      look_around(largest, run);
      n_components = join(n_components, largest, run);
      run.progress("minimum spanning tree", static_cast<double>(n_ - n_components), static_cast<double>(n_ - 1));
    }
    return sorted(run);
  }

 private:
  static constexpr std::int32_t none = -1;
  static constexpr std::int32_t mixed = -1;

  T core(Index i) const { return core_.empty() ? T{0} : core_[size_of(i)]; }
  T length(T reduced) const { return tree_.measure().distance(reduced) / alpha_; }
  T weight(Index i, Index j, T reduced) const { return std::max({core(i), core(j), length(reduced)}); }
  /// At least the reduced distance of every pair whose length is at most this.
  T reduced_limit(T length) const {
    constexpr T wider = 1 + 16 * std::numeric_limits<T>::epsilon();
    return tree_.measure().reduce(length * alpha_ * wider) * wider + 4 * std::numeric_limits<T>::denorm_min();
  }
  Edge<T> edge(T weight, Index i, Index j) const { return edge_of(weight, tree_.row(i), tree_.row(j)); }
  std::int32_t component(Index i) const { return component_[size_of(i)]; }

  T bound(std::int32_t c) const {
    return std::atomic_ref(const_cast<T&>(bound_[size_of(c)])).load(std::memory_order_relaxed);
  }
  void lower_bound(std::int32_t c, T value) {
    std::atomic_ref<T> shared(bound_[size_of(c)]);
    T seen = shared.load(std::memory_order_relaxed);
    while (value < seen && !shared.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  void find_node_cores() {
    node_core_.assign(tree_.n_all_nodes(), infinity<T>);
    for (int level = 0; level < tree_.n_levels(); ++level)
      for (std::int32_t number = 0; number < tree_.n_nodes(level); ++number) {
        const Node node{level, number};
        T least = infinity<T>;
        if (level == 0)
          for (Index i = tree_.begin(node); i < tree_.end(node); ++i) least = std::min(least, core(i));
        else
          for (std::int32_t child = number * fanout; child < (number + 1) * fanout; ++child)
            least = std::min(least, node_core_[tree_.at({level - 1, child})]);
        node_core_[tree_.at(node)] = least;
      }
  }

  // The nearest neighbours known from the start, and what earlier rounds found: exact for most points, and a first
  // bound for every component.
  void look_up(std::int32_t largest, Run& run) {
    const Blocks blocks = parallel::blocks_of(n_, size_of(k_) * 12);
    for_blocks(blocks, run, 10.0 * static_cast<double>(n_), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
        const std::int32_t own = component(i);
        if (own == largest) continue;
        const std::size_t at = size_of(i);
        if (other_[at] != none) {
          if (component(other_[at]) != own) {
            lower_bound(own, weight_[at]);
            continue;
          }
          beyond_[at] = std::max(beyond_[at], just_below(weight_[at]));
          other_[at] = none;
        }
        look_up_one(i, own);
      }
    });
  }

  void look_up_one(Index i, std::int32_t own) {
    const T* reduced = reduced_.data() + i * k_;
    const std::int32_t* near = near_.data() + i * k_;
    // what is not in the list is at least this far
    const T sure = std::max(core(i), length(reduced[k_ - 1]));
    if (beyond_[size_of(i)] >= just_below(sure)) return;
    // the first of the list are within core(i): their lengths do not matter
    Index within = 0;
    if (!core_.empty())
      for (within = k_; within > 0 && length(reduced[within - 1]) > core(i); --within) {
      }
    // of equal edges of one point the one to the smaller row comes first
    T least = infinity<T>;
    std::int32_t least_row = std::numeric_limits<std::int32_t>::max();
    std::int32_t least_other = none;
    for (Index j = 0; j < k_; ++j) {
      const std::int32_t other = near[j];
      if (other == i || component(other) == own) continue;
      const T joint = std::max(core(i), core(other));
      const T w = j < within ? joint : std::max(joint, length(reduced[j]));
      if (w > least) continue;
      const std::int32_t row = tree_.row(other);
      if (w == least && row > least_row) continue;
      least = w;
      least_row = row;
      least_other = other;
    }
    if (least_other != none) lower_bound(own, least);
    if (least_other != none && (least < sure || k_ == n_)) {
      weight_[size_of(i)] = least;
      other_[size_of(i)] = least_other;
    } else {
      beyond_[size_of(i)] = std::max(beyond_[size_of(i)], just_below(std::min(least, sure)));
    }
  }

  /// Finds the least edge of one point that leaves its component.
  struct Finder {
    Boruvka& all;
    Index i;
    std::int32_t own;
    std::int32_t row;
    T bound;  // of the component, the last time we looked
    T reduced;
    Edge<T> best{infinity<T>, std::numeric_limits<std::int32_t>::max(), 0};
    Index other = none;

    Finder(Boruvka& boruvka, Index at)
        : all(boruvka), i(at), own(boruvka.component(at)), row(boruvka.tree_.row(at)), bound(boruvka.bound(own)) {
      reduced = all.reduced_limit(bound);
    }
    T limit() const { return reduced; }
    bool skips(Node node) const {
      const std::size_t at = all.tree_.at(node);
      return all.node_component_[at] == own || (!all.node_core_.empty() && all.node_core_[at] > bound);
    }
    bool takes(T near, Node node) const {
      if (near > reduced) return false;
      if (other == none || best.weight > bound) return true;
      T least = all.length(near);
      if (!all.core_.empty()) least = std::max({least, all.core(i), all.node_core_[all.tree_.at(node)]});
      if (least != best.weight) return least < best.weight;
      const std::int32_t first = all.tree_.min_row(node);
      return edge_of(least, first, row) < best;
    }
    void offer(std::int32_t leaf, std::uint64_t mask, const T* distance) {
      const Index first = leaf * all.tree_.leaf_size();
      for (; mask; mask &= mask - 1) {
        const int lane = std::countr_zero(mask);
        const Index j = first + lane;
        if (all.component(j) == own) continue;
        if (distance[lane] > reduced) continue;
        const T w = all.weight(i, j, distance[lane]);
        if (w > bound || w > best.weight) continue;
        const Edge<T> e = all.edge(w, i, j);
        if (!(e < best)) continue;
        best = e;
        other = j;
        if (w < bound) {
          bound = w;
          reduced = all.reduced_limit(bound);
        }
      }
    }
  };

  // Searches for the points that may have a lesser edge than their component knows of.
  void look_around(std::int32_t largest, Run& run) {
    const Index leaf_size = tree_.leaf_size();
    Blocks blocks{tree_.n_leaves(), std::max<Index>(1, 256 / leaf_size)};
    if (const Index length = parallel::forced_block_length(); length > 0) blocks.length = length;
    for_blocks(blocks, run, 300.0 * static_cast<double>(n_), [&](Index b, int thread) {
      neighbors::NearestSearch<T> search(tree_);
      std::vector<T> query(size_of(tree_.n_features()));
      for (Index leaf = blocks.begin(b); leaf < blocks.end(b) && !run.interrupted(thread); ++leaf)
        for (Index i = leaf * leaf_size; i < std::min(n_, (leaf + 1) * leaf_size); ++i) {
          const std::int32_t own = component(i);
          if (own == largest || other_[size_of(i)] != none) continue;
          const T known = bound(own);
          if (beyond_[size_of(i)] >= known || core(i) > known) continue;
          if (tree_.n_features() > few_features && run.interrupted(thread)) return;
          tree_.point(i, query.data());
          Finder finder(*this, i);
          search.search_from(static_cast<std::int32_t>(leaf), query.data(), finder);
          if (finder.other != none) {
            weight_[size_of(i)] = finder.best.weight;
            other_[size_of(i)] = static_cast<std::int32_t>(finder.other);
            lower_bound(own, finder.best.weight);
          } else {
            beyond_[size_of(i)] = std::max(beyond_[size_of(i)], finder.bound);
          }
        }
    });
  }

  std::int32_t find(std::int32_t i) {
    while (parent_[size_of(i)] != i) i = parent_[size_of(i)] = parent_[size_of(parent_[size_of(i)])];
    return i;
  }

  // Every component but the largest takes its least edge; returns the number of components then.
  Index join(Index n_components, std::int32_t largest, Run& run) {
    std::vector<Edge<T>> best(size_of(n_components), Edge<T>{infinity<T>, 0, 0});
    std::vector<std::int32_t> from(size_of(n_components), none);
    for (Index i = 0; i < n_; ++i) {
      if (other_[size_of(i)] == none) continue;
      const auto c = size_of(component(i));
      if (component(i) == largest || weight_[size_of(i)] > best[c].weight) continue;
      if (const Edge<T> e = edge(weight_[size_of(i)], i, other_[size_of(i)]); from[c] == none || e < best[c]) {
        best[c] = e;
        from[c] = static_cast<std::int32_t>(i);
      }
    }
    parent_.resize(size_of(n_components));
    std::iota(parent_.begin(), parent_.end(), 0);
    for (std::size_t c = 0; c < best.size(); ++c) {
      if (from[c] == none) continue;
      const std::int32_t a = find(static_cast<std::int32_t>(c));
      const std::int32_t b = find(component(other_[size_of(from[c])]));
      if (a == b) continue;
      parent_[size_of(std::max(a, b))] = std::min(a, b);
      edges_.push_back(best[c]);
    }
    // components get the numbers 0, 1, ...; a root has a smaller number than what hangs on it
    std::vector<std::int32_t> name(size_of(n_components));
    std::int32_t next = 0;
    for (std::int32_t c = 0; c < n_components; ++c)
      name[size_of(c)] = parent_[size_of(c)] == c ? next++ : name[size_of(find(c))];
    std::vector<Index> size(size_of(next), 0);
    for (std::size_t c = 0; c < name.size(); ++c) size[size_of(name[c])] += size_[c];
    size_ = std::move(size);
    bound_.assign(size_of(next), infinity<T>);
    rename(name, run);
    return next;
  }

  void rename(const std::vector<std::int32_t>& name, Run& run) {
    const Blocks blocks = parallel::blocks_of(tree_.n_leaves(), size_of(tree_.leaf_size()) * 4);
    for_blocks(blocks, run, 2.0 * static_cast<double>(n_), [&](Index b, int) {
      for (Index leaf = blocks.begin(b); leaf < blocks.end(b); ++leaf) {
        const Node node{0, static_cast<std::int32_t>(leaf)};
        std::int32_t common = name[size_of(component(tree_.begin(node)))];
        for (Index i = tree_.begin(node); i < tree_.end(node); ++i) {
          component_[size_of(i)] = name[size_of(component(i))];
          if (component(i) != common) common = mixed;
        }
        node_component_[tree_.at(node)] = common;
      }
    });
    for (int level = 1; level < tree_.n_levels(); ++level)
      for (std::int32_t number = 0; number < tree_.n_nodes(level); ++number) {
        std::int32_t child = number * fanout;
        const auto end = static_cast<std::int32_t>(std::min<Index>(child + fanout, tree_.n_nodes(level - 1)));
        std::int32_t common = node_component_[tree_.at({level - 1, child})];
        for (; child < end; ++child)
          if (node_component_[tree_.at({level - 1, child})] != common) common = mixed;
        node_component_[tree_.at({level, number})] = common;
      }
  }

  // Sorts in blocks and merges pairs of them, so that it is shared by threads and may be interrupted.
  void sort_edges(Run& run) {
    std::vector<Edge<T>> merged(edges_.size());
    Blocks blocks{static_cast<Index>(edges_.size()), Index{1} << 15};
    if (const Index length = parallel::forced_block_length(); length > 0) blocks.length = length;
    const double work = 20.0 * static_cast<double>(edges_.size());
    for_blocks(blocks, run, work,
               [&](Index b, int) { std::sort(edges_.begin() + blocks.begin(b), edges_.begin() + blocks.end(b)); });
    while (blocks.count() > 1) {
      const Blocks pairs{blocks.n, 2 * blocks.length};
      for_blocks(pairs, run, work, [&](Index b, int) {
        const Index middle = std::min(pairs.begin(b) + blocks.length, pairs.end(b));
        std::merge(edges_.begin() + pairs.begin(b), edges_.begin() + middle, edges_.begin() + middle,
                   edges_.begin() + pairs.end(b), merged.begin() + pairs.begin(b));
      });
      edges_.swap(merged);
      blocks = pairs;
    }
  }

  SpanningTree sorted(Run& run) {
    sort_edges(run);
    return spanning_tree<T>(edges_);
  }

  const KDTree<T>& tree_;
  const Index n_;
  const std::vector<T> core_;
  std::vector<T> node_core_;  // the least core distance in each node; empty without core distances
  const Index k_;
  const std::vector<T> reduced_;          // n x k: the nearest neighbours of each point
  const std::vector<std::int32_t> near_;  // n x k: their positions
  const T alpha_;
  std::vector<std::int32_t> component_;       // of each point: 0, 1, ...
  std::vector<std::int32_t> node_component_;  // of each node, when all its points are of one
  std::vector<T> weight_;                     // of the least edge of a point that left its component when found,
  std::vector<std::int32_t> other_;           // its other end, or none
  std::vector<T> beyond_;                     // edges of a point to other components weigh more than this
  std::vector<T> bound_;                      // of each component: the least weight known of an edge that leaves it
  std::vector<Index> size_;                   // of each component
  std::vector<std::int32_t> parent_;
  std::vector<Edge<T>> edges_;
};

}  // namespace

template <class T>
SpanningTree mst_kd_tree(const KDTree<T>& tree, Index min_samples, T alpha, std::span<T> core, Run& run) {
  const Index n = tree.n_samples();
  // With many, only the first are kept: more would be memory for n x min_samples pairs, and more to look through.
  const bool few = min_samples + more_neighbors <= most_kept;
  const Index k =
      std::min(n, few ? std::max(min_samples, Index{1}) + more_neighbors : std::min(min_samples, most_kept));
  std::vector<T> reduced(size_of(n * k));
  std::vector<std::int32_t> near(size_of(n * k));
  std::vector<T> own(size_of(min_samples > 1 ? n : 0));
  k_nearest_positions(tree, few ? k : min_samples, k, reduced.data(), near.data(), few ? nullptr : own.data(), run);
  for (Index i = 0; i < std::ssize(own); ++i) {
    const T last = few ? reduced[size_of(i * k + min_samples - 1)] : own[size_of(i)];
    own[size_of(i)] = tree.measure().distance(last);
  }
  for (Index i = 0; i < n && !core.empty(); ++i) core[size_of(tree.row(i))] = own.empty() ? T{0} : own[size_of(i)];
  return Boruvka<T>(tree, std::move(own), k, std::move(reduced), std::move(near), alpha).run(run);
}

template <class T>
SpanningTree mst_kd_tree(const KDTree<T>& tree, std::span<const T> core, T alpha, Run& run) {
  const Index n = tree.n_samples();
  const Index k = std::min(n, few_neighbors);
  std::vector<T> reduced(size_of(n * k));
  std::vector<std::int32_t> near(size_of(n * k));
  k_nearest_positions<T>(tree, k, k, reduced.data(), near.data(), nullptr, run);
  std::vector<T> own(core.size());
  for (std::size_t i = 0; i < core.size(); ++i) own[i] = core[size_of(tree.row(static_cast<Index>(i)))];
  return Boruvka<T>(tree, std::move(own), k, std::move(reduced), std::move(near), alpha).run(run);
}

#define SHOAL_INSTANTIATE(T)                                                         \
  template SpanningTree mst_kd_tree(const KDTree<T>&, Index, T, std::span<T>, Run&); \
  template SpanningTree mst_kd_tree(const KDTree<T>&, std::span<const T>, T, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::neighbors
