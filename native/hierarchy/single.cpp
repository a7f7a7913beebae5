#include "hierarchy/single.hpp"

#include <functional>
#include <limits>
#include <numeric>
#include <queue>

namespace shoal::hierarchy {
namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// distances(row, left, out): out[k] = distance from the row to left[k].
template <class Distances>
std::vector<Merge> prim(Index n, Run& run, Distances&& distances) {
  std::vector<Merge> merges;
  if (n < 2) return merges;
  merges.reserve(at(n - 1));
  std::vector<std::int32_t> left(at(n - 1));  // ascending
  std::iota(left.begin(), left.end(), 1);
  std::vector<double> nearest(at(n - 1), std::numeric_limits<double>::infinity());  // of those reached
  std::int32_t current = 0;
  while (!left.empty()) {
    run.checkpoint();
    run.progress("merges", static_cast<double>(merges.size()), static_cast<double>(n - 1));
    distances(current, left, nearest);
    std::size_t first = 0;
    for (std::size_t k = 1; k < left.size(); ++k)
      if (nearest[k] < nearest[first]) first = k;
    merges.push_back({nearest[first], current, left[first]});
    current = left[first];
    left.erase(left.begin() + static_cast<Index>(first));
    nearest.erase(nearest.begin() + static_cast<Index>(first));
  }
  return merges;
}

}  // namespace

std::vector<Merge> merge_single(const Metric& metric, Points<const double> x, Run& run) {
  const FeatureMajor columns(x);
  std::vector<double> row(at(x.n_samples));
  return prim(x.n_samples, run,
              [&](std::int32_t from, const std::vector<std::int32_t>& left, std::vector<double>& nearest) {
                distances_to(metric, columns, x, from, 0, x.n_samples, row.data());
                for (std::size_t k = 0; k < left.size(); ++k) nearest[k] = std::min(nearest[k], row[at(left[k])]);
              });
}

template <class T>
std::vector<Merge> merge_single(std::span<const T> condensed, Index n, Run& run) {
  return prim(n, run, [&](std::int32_t from, const std::vector<std::int32_t>& left, std::vector<double>& nearest) {
    for (std::size_t k = 0; k < left.size(); ++k) {
      const Index i = std::min(from, left[k]);
      const Index j = std::max(from, left[k]);
      nearest[k] = std::min(nearest[k], static_cast<double>(condensed[at(i * n - i * (i + 1) / 2 + j - i - 1)]));
    }
  });
}
template std::vector<Merge> merge_single(std::span<const float>, Index, Run&);
template std::vector<Merge> merge_single(std::span<const double>, Index, Run&);

std::vector<Merge> merge_single(const neighbors::SpanningTree& tree, Run& run) {
  const auto n = static_cast<Index>(tree.u.size()) + 1;
  std::vector<Merge> merges;
  merges.reserve(at(n - 1));
  // the edges at every row
  std::vector<std::int32_t> start(at(n + 1)), edge(at(2 * (n - 1)));
  for (std::size_t e = 0; e < tree.u.size(); ++e) {
    ++start[at(tree.u[e]) + 1];
    ++start[at(tree.v[e]) + 1];
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::int32_t> next(start.begin(), start.end() - 1);
  for (std::size_t e = 0; e < tree.u.size(); ++e) {
    edge[at(next[at(tree.u[e])]++)] = static_cast<std::int32_t>(e);
    edge[at(next[at(tree.v[e])]++)] = static_cast<std::int32_t>(e);
  }
  struct Reach {
    double distance;
    std::int32_t row;
    bool operator>(const Reach& other) const {
      return distance != other.distance ? distance > other.distance : row > other.row;
    }
  };
  std::priority_queue<Reach, std::vector<Reach>, std::greater<>> queue;
  std::vector<char> reached(at(n), 0);
  std::int32_t current = 0;
  for (;;) {
    reached[at(current)] = 1;
    for (std::int32_t k = start[at(current)]; k < start[at(current) + 1]; ++k) {
      const auto e = at(edge[at(k)]);
      const std::int32_t other = tree.u[e] == current ? tree.v[e] : tree.u[e];
      if (!reached[at(other)]) queue.push({tree.weight[e], other});
    }
    if (queue.empty()) return merges;
    if (merges.size() % 4096 == 0) run.checkpoint();
    merges.push_back({queue.top().distance, current, queue.top().row});
    current = queue.top().row;
    queue.pop();
  }
}

}  // namespace shoal::hierarchy
