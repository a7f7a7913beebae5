#include "neighbors/kd_tree.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <stdexcept>
#include <string>

#include "neighbors/nearest_list.hpp"
#include "neighbors/nearest_search.hpp"
#include "neighbors/ordering.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

/// Blocks of queries: long enough that handing them out costs nothing, short enough that Ctrl-C is heard in time
/// when every query looks at every point.
Blocks query_blocks(Index n_queries, Index unit, Index n, Index d) {
  if (const Index length = parallel::forced_block_length(); length > 0) return {n_queries, length};
  const Index queries = std::clamp<Index>(Index{400'000'000} / std::max<Index>(n * d, 1), 1, 256);
  return {n_queries, std::max<Index>(1, queries / unit)};
}

/// Queries between two looks at whether to stop: each may have to look at all points.
Index queries_between_looks(Index n, Index d) {
  return std::clamp<Index>(Index{20'000'000} / std::max<Index>(n * d, 1), 1, 64);
}

double work_of_queries(Index n_queries, Index d) {
  return 300.0 * static_cast<double>(n_queries) * static_cast<double>(d + 2);
}

}  // namespace

Metric metric_from_name(std::string_view name) {
  if (name == "euclidean") return Metric::euclidean;
  if (name == "manhattan") return Metric::manhattan;
  if (name == "chebyshev") return Metric::chebyshev;
  if (name == "minkowski") return Metric::minkowski;
  throw std::invalid_argument("unknown metric '" + std::string(name) + "'");
}

Index default_leaf_size(Index n_features) {
  return n_features <= 4 ? 16 : 32;
}

// --- building -------------------------------------------------------------------------------------------------------

template <class T>
KDTree<T>::KDTree(Points<const T> x, Weights<T> weight, Index leaf_size, Measure<T> measure, Run& run, Order order)
    : n_(x.n_samples),
      d_(x.n_features),
      leaf_size_(leaf_size),
      measure_(measure),
      ops_(node_ops<T>(measure.metric, x.n_features)) {
  shape();
  rows_ = tree_order(x, leaf_size_, order, run);
  fill(x, weight, run);
}

template <class T>
void KDTree<T>::shape() {
  std::size_t first = 0;
  for (Index n = (n_ + leaf_size_ - 1) / leaf_size_;; n = (n + fanout - 1) / fanout) {
    levels_.push_back({n, first});
    first += size_of((n + fanout - 1) / fanout * fanout);
    if (n <= fanout) break;
  }
  min_rows_.assign(first, std::numeric_limits<std::int32_t>::max());
}

template <class T>
void KDTree<T>::fill(Points<const T> x, Weights<T> weight, Run& run) {
  leaves_.resize(size_of(n_leaves() * leaf_size_ * d_));
  boxes_.resize(n_all_nodes() * size_of(2 * d_));
  if (weight) {
    weights_.resize(size_of(n_));
    weight_sums_.resize(n_all_nodes());
  }
  constexpr T infinity = std::numeric_limits<T>::infinity();
  // groups of leaves, so that no two blocks share a box
  const Blocks blocks{(n_leaves() + fanout - 1) / fanout, 8};
  for_blocks(blocks, run, 5.0 * static_cast<double>(n_ * d_), [&](Index b, int) {
    for (Index number = blocks.begin(b) * fanout; number < blocks.end(b) * fanout; ++number) {
      const Index group = number / fanout;
      T* box = boxes_.data() + group * 2 * fanout * d_ + number % fanout;
      T* points = leaves_.data() + number * leaf_size_ * d_;
      const Index first = number * leaf_size_;
      const Index n = std::clamp<Index>(n_ - first, 0, leaf_size_);
      for (Index f = 0; f < d_; ++f) {
        T low = infinity;
        T high = -infinity;
        for (Index i = 0; i < n; ++i) {
          const T value = x.data[static_cast<Index>(rows_[size_of(first + i)]) * d_ + f];
          points[f * leaf_size_ + i] = value;
          low = std::min(low, value);
          high = std::max(high, value);
        }
        if (n > 0) std::fill(points + f * leaf_size_ + n, points + (f + 1) * leaf_size_, infinity);
        box[2 * f * fanout] = low;
        box[(2 * f + 1) * fanout] = high;
      }
      if (n == 0) continue;
      min_rows_[size_of(number)] = rows_[size_of(first)];  // rows ascend within a leaf
      if (!weight) continue;
      double sum = 0;
      for (Index i = first; i < first + n; ++i) {
        weights_[size_of(i)] = weight[rows_[size_of(i)]];
        sum += static_cast<double>(weights_[size_of(i)]);
      }
      weight_sums_[size_of(number)] = sum;
    }
  });
  for (int level = 1; level < n_levels(); ++level) fill_level(level, run);
}

template <class T>
void KDTree<T>::fill_level(int level, Run& run) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const Blocks blocks{(n_nodes(level) + fanout - 1) / fanout, 8};
  for_blocks(blocks, run, 10.0 * static_cast<double>(n_nodes(level) * d_), [&](Index b, int) {
    for (Index number = blocks.begin(b) * fanout; number < blocks.end(b) * fanout; ++number) {
      const Node node{level, static_cast<std::int32_t>(number)};
      T* box = const_cast<T*>(boxes(level, number / fanout)) + number % fanout;
      const bool exists = number < n_nodes(level);
      const T* children = exists ? boxes(level - 1, number) : nullptr;
      for (Index f = 0; f < d_; ++f) {
        T low = infinity;
        T high = -infinity;
        for (int child = 0; exists && child < fanout; ++child) {
          low = std::min(low, children[2 * f * fanout + child]);
          high = std::max(high, children[(2 * f + 1) * fanout + child]);
        }
        box[2 * f * fanout] = low;
        box[(2 * f + 1) * fanout] = high;
      }
      if (!exists) continue;
      const std::size_t first = at({level - 1, static_cast<std::int32_t>(number * fanout)});
      std::int32_t least = min_rows_[first];
      double sum = 0;
      for (std::size_t child = 0; child < fanout; ++child) {
        least = std::min(least, min_rows_[first + child]);
        if (weighted()) sum += weight_sums_[first + child];
      }
      min_rows_[at(node)] = least;
      if (weighted()) weight_sums_[at(node)] = sum;
    }
  });
}

template <class T>
std::vector<std::int32_t> KDTree<T>::positions() const {
  std::vector<std::int32_t> out(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) out[size_of(rows_[i])] = static_cast<std::int32_t>(i);
  return out;
}

namespace {

/// For each query the leaf that it falls into, or close to, and an order in which queries of a leaf follow each other
/// and leaves come as in the tree, so that the nodes they need are in the cache. No result depends on either.
template <class T>
class QueryPlan {
 public:
  QueryPlan(const KDTree<T>& tree, Points<const T> x, Run& run) : leaf_(size_of(x.n_samples)) {
    const Blocks blocks{x.n_samples, 1024};
    const double work = 10.0 * static_cast<double>(x.size() * tree.n_levels());
    for_blocks(blocks, run, work, [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) leaf_[size_of(i)] = leaf_of(tree, x.row(i));
    });
    constexpr Index few = 2048;
    if (x.n_samples <= few) return;
    std::vector<std::int32_t> next(size_of(tree.n_leaves() + 1));
    for (const std::int32_t leaf : leaf_) ++next[size_of(leaf) + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    order_.resize(leaf_.size());
    for (Index i = 0; i < x.n_samples; ++i)
      order_[size_of(next[size_of(leaf_[size_of(i)])]++)] = static_cast<std::int32_t>(i);
  }
  Index operator[](Index i) const { return order_.empty() ? i : order_[size_of(i)]; }
  std::int32_t leaf(Index query) const { return leaf_[size_of(query)]; }

 private:
  // The nearest box of each level in turn, the first of equals.
  static std::int32_t leaf_of(const KDTree<T>& tree, const T* query) {
    alignas(64) T near[fanout];
    Index at = 0;
    for (int level = tree.n_levels() - 1; level >= 0; --level) {
      tree.ops().near(tree.boxes(level, at), query, tree.n_features(), tree.measure().p, T{0}, near);
      const auto n = std::popcount(tree.members(level, at));  // the first of a group
      at = at * fanout + (std::min_element(near, near + n) - near);
    }
    return static_cast<std::int32_t>(at);
  }

  std::vector<std::int32_t> leaf_, order_;
};

}  // namespace

// --- k nearest ------------------------------------------------------------------------------------------------------

namespace {

/// Finds the k nearest: in vectors when k is small, else in a list.
template <class T>
class NearestFinder {
 public:
  NearestFinder(const KDTree<T>& tree, Index k)
      : tree_(tree), ops_(tree.ops()), k_(k), in_vectors_(k <= ops_.longest_list), list_(in_vectors_ ? 0 : k) {
    if (in_vectors_) most_ = (k + ops_.list_lanes - 1) / ops_.list_lanes * ops_.list_lanes;
  }

  /// Starts a new query. Only a list makes use of a bound on the k-th distance.
  void start(T bound = std::numeric_limits<T>::infinity()) {
    if (!in_vectors_) return list_.start(bound);
    std::fill_n(near_, most_, std::numeric_limits<T>::infinity());
    std::fill_n(near_rows_, most_, no_row);
  }
  bool bounded() const { return !in_vectors_; }
  /// Ends it: the first `kept` are to be read in order. False when a bound was too low for k to be found.
  bool finish(Index kept) {
    if (in_vectors_) return true;
    found_ = list_.finish(kept);
    return std::ssize(found_) == k_;
  }
  T distance(Index j) const { return in_vectors_ ? near_[j] : found_[size_of(j)].distance; }
  std::int32_t row(Index j) const {
    return in_vectors_ ? static_cast<std::int32_t>(near_rows_[j]) : found_[size_of(j)].row;
  }

  T limit() const { return in_vectors_ ? near_[k_ - 1] : list_.worst().distance; }
  bool skips(Node) const { return false; }
  bool takes(T near, Node node) const {
    const std::int32_t row = tree_.min_row(node);
    if (!in_vectors_) return Near<T>{near, row} < list_.worst();
    const T worst = near_[k_ - 1];
    return near < worst || (near == worst && row < near_rows_[k_ - 1]);
  }
  void offer(std::int32_t leaf, std::uint64_t mask, const T* distance) {
    const std::int32_t* rows = tree_.rows().data() + leaf * tree_.leaf_size();
    if (in_vectors_) return ops_.insert(near_, near_rows_, most_, mask, tree_.leaf_size(), distance, rows);
    for (; mask; mask &= mask - 1) {
      const int i = std::countr_zero(mask);
      list_.offer(distance[i], rows[i]);
    }
  }

 private:
  static constexpr int room = 64;  // at least every level's longest_list
  const KDTree<T>& tree_;
  const NodeOps<T> ops_;
  const Index k_;
  const bool in_vectors_;
  Index most_ = 0;  // length of the list in vectors
  alignas(64) T near_[room];
  alignas(64) WideRow<T> near_rows_[room];
  NearestList<T> list_;
  std::span<const Near<T>> found_;
};

/// No less than the reduced distance of a point to its k-th nearest, given that of another point: by the triangle
/// inequality, with room for the rounding of all that is involved.
template <class T>
T bound_from(const Measure<T>& measure, const std::vector<T>& point, const std::vector<T>& other, T reduced) {
  double sum = 0;
  for (std::size_t f = 0; f < point.size(); ++f) {
    const double by = std::abs(static_cast<double>(point[f]) - static_cast<double>(other[f]));
    if (measure.metric == Metric::euclidean)
      sum += by * by;
    else if (measure.metric == Metric::manhattan)
      sum += by;
    else if (measure.metric == Metric::chebyshev)
      sum = std::max(sum, by);
    else
      sum += std::pow(by, static_cast<double>(measure.p));
  }
  const Measure<double> exact{measure.metric, static_cast<double>(measure.p)};
  const double bound = exact.reduce(exact.distance(sum) + exact.distance(static_cast<double>(reduced)));
  const double d = static_cast<double>(point.size()) + 64;
  const double rounding = 1 + 8 * d * static_cast<double>(std::numeric_limits<T>::epsilon());
  return static_cast<T>(bound * rounding + d * static_cast<double>(std::numeric_limits<T>::min()));
}

/// Calls body(position, finder) for every point of the tree once its k nearest are found, `kept` of them in order.
template <class T, class Body>
void for_each_own(const KDTree<T>& tree, Index k, Index kept, Run& run, Body&& body) {
  const Index leaf_size = tree.leaf_size();
  const Blocks blocks = query_blocks(tree.n_leaves(), leaf_size, tree.n_samples(), tree.n_features());
  const Index stride = queries_between_looks(tree.n_samples(), tree.n_features());
  for_blocks(blocks, run, work_of_queries(tree.n_samples(), tree.n_features()), [&](Index b, int thread) {
    NearestSearch<T> search(tree);
    NearestFinder<T> finder(tree, k);
    std::vector<T> query(size_of(tree.n_features())), before;
    T last = 0;  // k-th distance of `before`
    for (Index leaf = blocks.begin(b); leaf < blocks.end(b); ++leaf)
      for (Index i = leaf * leaf_size; i < std::min(tree.n_samples(), (leaf + 1) * leaf_size); ++i) {
        if (i % stride == 0 && run.interrupted(thread)) return;
        tree.point(i, query.data());
        if (before.empty() || !finder.bounded())
          finder.start();
        else
          finder.start(bound_from(tree.measure(), query, before, last));
        search.search_from(static_cast<std::int32_t>(leaf), query.data(), finder);
        if (!finder.finish(kept)) {
          finder.start();
          search.search_from(static_cast<std::int32_t>(leaf), query.data(), finder);
          finder.finish(kept);
        }
        body(i, finder);
        before = query;
        last = finder.distance(k - 1);
      }
  });
}

}  // namespace

template <class T>
void k_nearest(const KDTree<T>& tree, Points<const T> x, Index k, T* distances, std::int32_t* rows, Run& run) {
  const QueryPlan<T> order(tree, x, run);
  const Blocks blocks = query_blocks(x.n_samples, 1, tree.n_samples(), tree.n_features());
  const Measure<T> measure = tree.measure();
  const Index stride = queries_between_looks(tree.n_samples(), tree.n_features());
  for_blocks(blocks, run, work_of_queries(x.n_samples, x.n_features), [&](Index b, int thread) {
    NearestSearch<T> search(tree);
    NearestFinder<T> finder(tree, k);
    for (Index at = blocks.begin(b); at < blocks.end(b); ++at) {
      if (at % stride == 0 && run.interrupted(thread)) return;
      const Index i = order[at];
      finder.start();
      search.search_from(order.leaf(i), x.row(i), finder);
      finder.finish(k);
      for (Index j = 0; j < k; ++j) {
        distances[i * k + j] = measure.distance(finder.distance(j));
        rows[i * k + j] = finder.row(j);
      }
    }
  });
}

template <class T>
void k_nearest_of_own(const KDTree<T>& tree, Index k, T* distances, std::int32_t* rows, Run& run) {
  const Measure<T> measure = tree.measure();
  for_each_own(tree, k, k, run, [&](Index i, const NearestFinder<T>& found) {
    const Index to = tree.row(i) * k;
    for (Index j = 0; j < k; ++j) {
      distances[to + j] = measure.distance(found.distance(j));
      rows[to + j] = found.row(j);
    }
  });
}

template <class T>
void k_nearest_positions(const KDTree<T>& tree, Index k, Index kept, T* reduced, std::int32_t* positions, T* last,
                         Run& run) {
  assert(kept <= k && k <= tree.n_samples());
  const std::vector<std::int32_t> position = tree.positions();
  for_each_own(tree, k, kept, run, [&](Index i, const NearestFinder<T>& found) {
    for (Index j = 0; j < kept; ++j) {
      reduced[i * kept + j] = found.distance(j);
      positions[i * kept + j] = position[size_of(found.row(j))];
    }
    if (last) last[i] = found.distance(k - 1);
  });
}

template <class T>
void core_distances(const KDTree<T>& tree, Index k, std::span<T> out, Run& run) {
  for_each_own(tree, k, 0, run, [&](Index i, const NearestFinder<T>& found) {
    out[size_of(tree.row(i))] = tree.measure().distance(found.distance(k - 1));
  });
}

// --- within a radius ------------------------------------------------------------------------------------------------

template <class T>
void weights_within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, std::span<double> out,
                    Run& run) {
  const Blocks blocks = query_blocks(x.n_samples, 1, tree.n_samples(), tree.n_features());
  const QueryPlan<T> order(tree, x, run);
  for_blocks(blocks, run, work_of_queries(x.n_samples, x.n_features), [&](Index b, int) {
    for (Index at = blocks.begin(b); at < blocks.end(b); ++at) {
      const Index i = order[at];
      out[size_of(i)] = weight_within(tree, x.row(i), tree.measure().reduce(radius[size_of(i)]));
    }
  });
}

template <class T>
Neighbourhoods<T> within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, Wanted wanted, Run& run) {
  const Index n = x.n_samples;
  const Measure<T> measure = tree.measure();
  const Blocks blocks = query_blocks(n, 1, tree.n_samples(), tree.n_features());
  Neighbourhoods<T> out;
  out.start.assign(size_of(n + 1), 0);
  const QueryPlan<T> order(tree, x, run);
  for_blocks(blocks, run, work_of_queries(n, x.n_features), [&](Index b, int) {
    for (Index at = blocks.begin(b); at < blocks.end(b); ++at) {
      const Index i = order[at];
      Index count = 0;
      visit_within(
          tree, x.row(i), measure.reduce(radius[size_of(i)]),
          [&](Node node) {
            count += tree.end(node) - tree.begin(node);
            return true;
          },
          [&](Index, std::uint64_t mask, const T*) {
            count += std::popcount(mask);
            return true;
          });
      out.start[size_of(i + 1)] = count;
    }
  });
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  if (!wanted.rows) return out;
  const auto total = static_cast<std::size_t>(out.start.back());
  out.rows.resize(total);
  if (wanted.distances) out.distances.resize(total);
  for_blocks(blocks, run, work_of_queries(n, x.n_features), [&](Index b, int) {
    alignas(64) T distance[max_leaf_size];
    std::vector<std::pair<T, std::int32_t>> found;
    for (Index next = blocks.begin(b); next < blocks.end(b); ++next) {
      const Index i = order[next];
      const T* query = x.row(i);
      std::int32_t* rows = out.rows.data() + out.start[size_of(i)];
      const auto count = size_of(out.start[size_of(i + 1)] - out.start[size_of(i)]);
      if (!wanted.distances && !wanted.sorted) {
        std::int32_t* end = rows;
        for_each_within(tree, query, measure.reduce(radius[size_of(i)]),
                        [&](Index position) { *end++ = tree.row(position); });
        std::sort(rows, rows + count);
        continue;
      }
      found.clear();
      const auto add = [&](Index leaf, std::uint64_t mask, const T* reduced) {
        for (; mask; mask &= mask - 1) {
          const int at = std::countr_zero(mask);
          found.emplace_back(reduced[at], tree.row(leaf * tree.leaf_size() + at));
        }
        return true;
      };
      visit_within(
          tree, query, measure.reduce(radius[size_of(i)]),
          [&](Node node) {
            // nodes are whole leaves
            for (Index leaf = tree.begin(node) / tree.leaf_size(); leaf * tree.leaf_size() < tree.end(node); ++leaf) {
              tree.ops().leaf(tree.leaf(leaf), tree.leaf_size(), query, x.n_features, measure.p,
                              std::numeric_limits<T>::infinity(), distance);
              add(leaf, tree.members_of_leaf(leaf), distance);
            }
            return true;
          },
          add);
      if (wanted.sorted)
        std::sort(found.begin(), found.end());
      else
        std::sort(found.begin(), found.end(),
                  [](const auto& left, const auto& right) { return left.second < right.second; });
      for (std::size_t j = 0; j < count; ++j) rows[j] = found[j].second;
      if (wanted.distances)
        for (std::size_t j = 0; j < count; ++j)
          out.distances[size_of(out.start[size_of(i)]) + j] = measure.distance(found[j].first);
    }
  });
  return out;
}

#define SHOAL_INSTANTIATE(T)                                                                                    \
  template class KDTree<T>;                                                                                     \
  template void k_nearest(const KDTree<T>&, Points<const T>, Index, T*, std::int32_t*, Run&);                   \
  template void k_nearest_of_own(const KDTree<T>&, Index, T*, std::int32_t*, Run&);                             \
  template void k_nearest_positions(const KDTree<T>&, Index, Index, T*, std::int32_t*, T*, Run&);               \
  template void core_distances(const KDTree<T>&, Index, std::span<T>, Run&);                                    \
  template void weights_within(const KDTree<T>&, Points<const T>, std::span<const T>, std::span<double>, Run&); \
  template Neighbourhoods<T> within(const KDTree<T>&, Points<const T>, std::span<const T>, Wanted, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::neighbors
