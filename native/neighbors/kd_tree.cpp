#include "neighbors/kd_tree.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "neighbors/nearest_list.hpp"
#include "neighbors/nearest_search.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

/// Blocks of one, for pieces of work that are large already.
Blocks one_by_one(std::size_t n) {
  return {static_cast<Index>(n), 1};
}

/// Blocks of queries: long enough that handing them out costs nothing, short enough that Ctrl-C is heard in time
/// when every query looks at every point.
Blocks query_blocks(Index n_queries, Index unit, Index n, Index d) {
  if (const Index length = parallel::forced_block_length(); length > 0) return {n_queries, length};
  const Index queries = std::clamp<Index>(Index{400'000'000} / std::max<Index>(n * d, 1), 1, 256);
  return {n_queries, std::max<Index>(1, queries / unit)};
}

double work_of_queries(Index n_queries, Index d) {
  return 300.0 * static_cast<double>(n_queries) * static_cast<double>(d + 2);
}

/// A range of leaves to be ordered: into units of 8^level leaves, and each of these further.
struct Range {
  Index begin;
  Index end;
  int level;
};

/// Orders rows by halving ranges at the median of the widest side.
template <class T>
class Halving {
 public:
  Halving(Points<const T> x, Index leaf_size, std::vector<std::int32_t>& rows)
      : x_(x), leaf_size_(leaf_size), rows_(rows) {}

  /// Halves the range in two, or returns false when it is one leaf.
  bool halve(Range range, Range& left, Range& right, std::vector<std::pair<T, std::int32_t>>& scratch) const {
    Index units;
    for (;; --range.level) {
      units = count_units(range);
      if (units > 1) break;
      if (range.level == 0) return false;
    }
    const Index unit = Index{1} << (3 * range.level);
    const Index half = (range.end - range.begin + unit) / (2 * unit);  // to the nearest
    const Index middle = range.begin + std::clamp<Index>(half, 1, units - 1) * unit;
    left = {range.begin, middle, range.level};
    right = {middle, range.end, range.level};

    const Index first = range.begin * leaf_size_;
    const Index last = std::min(range.end * leaf_size_, x_.n_samples);
    const std::span<std::int32_t> rows(rows_.data() + first, size_of(last - first));
    const Index feature = widest(rows, scratch);
    scratch.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) scratch[i] = {x_.data[rows[i] * x_.n_features + feature], rows[i]};
    std::nth_element(scratch.begin(), scratch.begin() + (middle * leaf_size_ - first), scratch.end());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = scratch[i].second;
    return true;
  }

  /// Orders the range down to its leaves, and the rows in each.
  void finish(Range range, std::vector<std::pair<T, std::int32_t>>& scratch) const {
    std::vector<Range> waiting{range};
    while (!waiting.empty()) {
      const Range next = waiting.back();
      waiting.pop_back();
      Range left, right;
      if (halve(next, left, right, scratch)) {
        waiting.push_back(left);
        waiting.push_back(right);
      } else {
        std::sort(rows_.begin() + next.begin * leaf_size_,
                  rows_.begin() + std::min(next.end * leaf_size_, x_.n_samples));
      }
    }
  }

 private:
  static Index count_units(const Range& range) {
    return (range.end - range.begin + (Index{1} << (3 * range.level)) - 1) >> (3 * range.level);
  }

  Index widest(std::span<const std::int32_t> rows, std::vector<std::pair<T, std::int32_t>>&) const {
    const Index d = x_.n_features;
    if (d == 1) return 0;
    constexpr Index most = 256;
    T low[most], high[most];
    Index best = 0;
    T best_side = -1;
    for (Index first = 0; first < d; first += most) {
      const Index n = std::min(most, d - first);
      std::copy_n(x_.row(rows[0]) + first, n, low);
      std::copy_n(x_.row(rows[0]) + first, n, high);
      for (const std::int32_t row : rows) {
        const T* value = x_.row(row) + first;
        for (Index f = 0; f < n; ++f) {
          low[f] = std::min(low[f], value[f]);
          high[f] = std::max(high[f], value[f]);
        }
      }
      for (Index f = 0; f < n; ++f)
        if (high[f] - low[f] > best_side) {
          best_side = high[f] - low[f];
          best = first + f;
        }
    }
    return best;
  }

  Points<const T> x_;
  Index leaf_size_;
  std::vector<std::int32_t>& rows_;
};

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
KDTree<T>::KDTree(Points<const T> x, Weights<T> weight, Index leaf_size, Measure<T> measure, Run& run)
    : n_(x.n_samples),
      d_(x.n_features),
      leaf_size_(leaf_size),
      measure_(measure),
      ops_(node_ops<T>(measure.metric, x.n_features)) {
  shape();
  order(x, run);
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
void KDTree<T>::order(Points<const T> x, Run& run) {
  rows_.resize(size_of(n_));
  std::iota(rows_.begin(), rows_.end(), 0);
  const Halving<T> halving(x, leaf_size_, rows_);
  using Scratch = std::vector<std::pair<T, std::int32_t>>;
  std::vector<Scratch> scratch(size_of(parallel::n_threads()));
  // ranges side by side until there are enough of them for any number of threads, then each of them to its end
  constexpr std::size_t enough = 512;
  std::vector<Range> ranges{{0, n_leaves(), n_levels() - 1}};
  const double work_per_round = 20.0 * static_cast<double>(n_);
  while (ranges.size() < enough) {
    std::vector<Range> halves(2 * ranges.size(), Range{0, 0, 0});
    for_blocks(one_by_one(ranges.size()), run, work_per_round, [&](Index b, int thread) {
      Range* out = halves.data() + 2 * b;
      if (!halving.halve(ranges[size_of(b)], out[0], out[1], scratch[size_of(thread)])) out[0] = ranges[size_of(b)];
    });
    std::erase_if(halves, [](const Range& range) { return range.begin == range.end; });
    const bool done = halves.size() == ranges.size();
    ranges = std::move(halves);
    if (done) break;
  }
  for_blocks(one_by_one(ranges.size()), run, 5 * work_per_round,
             [&](Index b, int thread) { halving.finish(ranges[size_of(b)], scratch[size_of(thread)]); });
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

template <class T>
T KDTree<T>::min_reduced(Node node, const T* query) const {
  alignas(64) T out[fanout];
  ops_.near(boxes(node.level, node.number / fanout), query, d_, measure_.p, T{0}, out);
  return out[node.number % fanout];
}

template <class T>
T KDTree<T>::max_reduced(Node node, const T* query) const {
  alignas(64) T out[fanout];
  ops_.far(boxes(node.level, node.number / fanout), query, d_, measure_.p, out);
  return out[node.number % fanout];
}

// --- k nearest ------------------------------------------------------------------------------------------------------

namespace {

/// Finds the k nearest.
template <class T>
struct NearestFinder {
  const KDTree<T>& tree;
  NearestList<T> list;

  T limit() const { return list.worst(); }
  bool skips(Node) const { return false; }
  bool takes(T near, Node node) const { return list.takes(near, tree.min_row(node)); }
  void offer(std::int32_t leaf, std::uint64_t mask, const T* distance) {
    const Index first = leaf * tree.leaf_size();
    for (; mask; mask &= mask - 1) {
      const int i = std::countr_zero(mask);
      list.offer(distance[i], tree.row(first + i));
    }
  }
};

/// Calls body(position, list) for every point of the tree with its k nearest; the lists' memory is lent by
/// target(position): a pair of pointers.
template <class T, class Target, class Body>
void for_each_own(const KDTree<T>& tree, Index k, Run& run, Target&& target, Body&& body) {
  const Index leaf_size = tree.leaf_size();
  const Blocks blocks = query_blocks(tree.n_leaves(), leaf_size, tree.n_samples(), tree.n_features());
  for_blocks(blocks, run, work_of_queries(tree.n_samples(), tree.n_features()), [&](Index b, int thread) {
    NearestSearch<T> search(tree);
    std::vector<T> query(size_of(tree.n_features()));
    for (Index leaf = blocks.begin(b); leaf < blocks.end(b); ++leaf)
      for (Index i = leaf * leaf_size; i < std::min(tree.n_samples(), (leaf + 1) * leaf_size); ++i) {
        tree.point(i, query.data());
        const auto [distances, rows] = target(i, thread);
        NearestFinder<T> finder{tree, NearestList<T>(distances, rows, k)};
        search.search_from(static_cast<std::int32_t>(leaf), query.data(), finder);
        finder.list.sort();
        body(i, distances, rows);
      }
  });
}

}  // namespace

template <class T>
void k_nearest(const KDTree<T>& tree, Points<const T> x, Index k, T* distances, std::int32_t* rows, Run& run) {
  const Blocks blocks = query_blocks(x.n_samples, 1, tree.n_samples(), tree.n_features());
  const Measure<T> measure = tree.measure();
  for_blocks(blocks, run, work_of_queries(x.n_samples, x.n_features), [&](Index b, int) {
    NearestSearch<T> search(tree);
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      T* own = distances + i * k;
      NearestFinder<T> finder{tree, NearestList<T>(own, rows + i * k, k)};
      search.search(x.row(i), finder);
      finder.list.sort();
      for (Index j = 0; j < k; ++j) own[j] = measure.distance(own[j]);
    }
  });
}

template <class T>
void k_nearest_of_own(const KDTree<T>& tree, Index k, T* distances, std::int32_t* rows, Run& run) {
  const Measure<T> measure = tree.measure();
  for_each_own(
      tree, k, run, [&](Index i, int) { return std::pair{distances + tree.row(i) * k, rows + tree.row(i) * k}; },
      [&](Index, T* own, const std::int32_t*) {
        for (Index j = 0; j < k; ++j) own[j] = measure.distance(own[j]);
      });
}

template <class T>
void k_nearest_positions(const KDTree<T>& tree, Index k, T* reduced, std::int32_t* positions, Run& run) {
  const std::vector<std::int32_t> position = tree.positions();
  for_each_own(
      tree, k, run, [&](Index i, int) { return std::pair{reduced + i * k, positions + i * k}; },
      [&](Index, const T*, std::int32_t* own) {
        for (Index j = 0; j < k; ++j) own[j] = position[size_of(own[j])];
      });
}

template <class T>
void core_distances(const KDTree<T>& tree, Index k, std::span<T> out, Run& run) {
  const Measure<T> measure = tree.measure();
  const auto n_threads = size_of(parallel::n_threads());
  std::vector<std::vector<T>> distances(n_threads, std::vector<T>(size_of(k)));
  std::vector<std::vector<std::int32_t>> rows(n_threads, std::vector<std::int32_t>(size_of(k)));
  for_each_own(
      tree, k, run,
      [&](Index, int thread) { return std::pair{distances[size_of(thread)].data(), rows[size_of(thread)].data()}; },
      [&](Index i, const T* own, const std::int32_t*) { out[size_of(tree.row(i))] = measure.distance(own[k - 1]); });
}

// --- within a radius ------------------------------------------------------------------------------------------------

template <class T>
void weights_within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, std::span<double> out,
                    Run& run) {
  const Blocks blocks = query_blocks(x.n_samples, 1, tree.n_samples(), tree.n_features());
  for_blocks(blocks, run, work_of_queries(x.n_samples, x.n_features), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i)
      out[size_of(i)] = weight_within(tree, x.row(i), tree.measure().reduce(radius[size_of(i)]));
  });
}

template <class T>
Neighbourhoods<T> within(const KDTree<T>& tree, Points<const T> x, std::span<const T> radius, Wanted wanted, Run& run) {
  const Index n = x.n_samples;
  const Measure<T> measure = tree.measure();
  const Blocks blocks = query_blocks(n, 1, tree.n_samples(), tree.n_features());
  Neighbourhoods<T> out;
  out.start.assign(size_of(n + 1), 0);
  for_blocks(blocks, run, work_of_queries(n, x.n_features), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
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
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      const T* query = x.row(i);
      std::int32_t* rows = out.rows.data() + out.start[size_of(i)];
      const auto count = size_of(out.start[size_of(i + 1)] - out.start[size_of(i)]);
      if (!wanted.distances && !wanted.sorted) {
        std::int32_t* next = rows;
        for_each_within(tree, query, measure.reduce(radius[size_of(i)]),
                        [&](Index position) { *next++ = tree.row(position); });
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
  template void k_nearest_positions(const KDTree<T>&, Index, T*, std::int32_t*, Run&);                          \
  template void core_distances(const KDTree<T>&, Index, std::span<T>, Run&);                                    \
  template void weights_within(const KDTree<T>&, Points<const T>, std::span<const T>, std::span<double>, Run&); \
  template Neighbourhoods<T> within(const KDTree<T>&, Points<const T>, std::span<const T>, Wanted, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::neighbors
