#include "metrics/dbcv.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "distance/tile.hpp"
#include "neighbors/mst.hpp"
#include "neighbors/tiles.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::metrics {
namespace {

using distance::Form;
using neighbors::block_rows;
using neighbors::BlockedRows;
using neighbors::form_of;
using neighbors::Norm;
using neighbors::Space;
using parallel::Blocks;
using parallel::for_blocks;

constexpr double inf = std::numeric_limits<double>::infinity();

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

// x to a power that is mostly a small multiple of 1/2; x in [0, 1].
class Power {
 public:
  explicit Power(double exponent) : exponent_(exponent) {
    const double twice = 2 * exponent;
    if (twice == std::floor(twice) && twice <= 256) halves_ = static_cast<int>(twice);
  }
  double operator()(double x) const {
    if (halves_ < 0) return std::pow(x, exponent_);
    double result = halves_ % 2 ? std::sqrt(x) : 1;
    double square = x;
    for (int rest = halves_ / 2; rest; rest /= 2) {
      if (rest % 2) result *= square;
      square *= square;
    }
    return result;
  }

 private:
  double exponent_;
  int halves_ = -1;
};

// The exponent that turns a ratio of sums (Space::sum) into the ratio of distances to the power of the dimension.
double exponent_of(Norm norm, double p, double dimension) {
  if (norm == Norm::euclidean) return dimension / 2;
  if (norm == Norm::minkowski) return dimension / p;
  return dimension;
}

// core(o) of all rows of a space that holds one cluster.
template <class T>
std::vector<double> all_points_core(const Space<T>& space, double dimension, Run& run) {
  const Points<const T> x = space.rows();
  const Index n = x.n_samples;
  const auto& tile = distance::tile<T>();
  const Form form = form_of(space.norm());
  const bool tiled = space.norm() != Norm::minkowski;
  const Power power(exponent_of(space.norm(), space.p(), dimension));
  const Blocks chunks{n, block_rows};
  std::vector<distance::PackedRows<T>> packed(size_of(tiled ? chunks.count() : 0));
  for (Index c = 0; c < static_cast<Index>(packed.size()); ++c)
    packed[size_of(c)] = distance::pack_rows(form, x.slice(chunks.begin(c), chunks.end(c)));
  std::vector<double> core(size_of(n));
  const Blocks blocks = parallel::blocks_of(n, size_of(x.n_features) * sizeof(T), std::size_t{1} << 16, 16);
  const double work = static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(x.n_features + 40) * 0.1;
  for_blocks(blocks, run, work, [&](Index block, int thread) {
    const Index begin = blocks.begin(block);
    const Index count = blocks.end(block) - begin;
    AlignedVector<T> scratch(size_of(tile.scratch_size(x.n_features)));
    std::vector<T> value(size_of(block_rows * count));
    // the least sum so far and the sum of powers of (least / sum)
    std::vector<double> least(size_of(count), inf), total(size_of(count), 0.0);
    for (Index c = 0; c < chunks.count(); ++c) {
      if (thread == 0) run.tick();
      if (run.stopped()) throw Interrupted{};
      const Index rows = chunks.end(c) - chunks.begin(c);
      if (tiled)
        tile.pairwise(form, distance::samples(x.slice(begin, begin + count)), packed[size_of(c)], value.data(), count,
                      scratch.data());
      for (Index j = 0; j < rows; ++j) {
        const Index other = chunks.begin(c) + j;
        for (Index i = 0; i < count; ++i) {
          if (other == begin + i) continue;
          const double sum =
              tiled ? static_cast<double>(value[size_of(j * count + i)]) : space.sum(x.row(begin + i), x.row(other));
          double& nearest = least[size_of(i)];
          if (sum < nearest) {
            total[size_of(i)] *= nearest < inf ? power(sum / nearest) : 0;
            nearest = sum;
          }
          if (nearest > 0) total[size_of(i)] += power(nearest / sum);
        }
      }
    }
    for (Index i = 0; i < count; ++i)
      core[size_of(begin + i)] = least[size_of(i)] > 0
                                     ? space.from_sum(least[size_of(i)]) *
                                           std::pow(total[size_of(i)] / static_cast<double>(n - 1), -1 / dimension)
                                     : 0;
  });
  return core;
}

void lower(std::atomic<double>& least, double value) {
  double seen = least.load(std::memory_order_relaxed);
  while (value < seen && !least.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

// For every cluster the least mutual reachability between an internal sample of its own and one of another.
template <class T>
std::vector<double> separations(const Space<T>& space, std::span<const std::int32_t> cluster,
                                std::span<const double> core, std::vector<std::int32_t> internal, Index n_clusters,
                                Run& run) {
  std::vector<Index> cuts;
  for (Index at = 0; at < static_cast<Index>(internal.size()); ++at)
    if (at == 0 || cluster[size_of(internal[size_of(at)])] != cluster[size_of(internal[size_of(at - 1)])] ||
        at - cuts.back() == block_rows)
      cuts.push_back(at);
  cuts.push_back(static_cast<Index>(internal.size()));
  const BlockedRows<T> rows(space, std::move(internal), std::move(cuts), {}, run);
  const auto cluster_of = [&](Index block) { return cluster[size_of(rows.row(rows.begin(block)))]; };
  std::vector<std::atomic<double>> least(size_of(n_clusters));
  for (auto& value : least) value.store(inf, std::memory_order_relaxed);
  const auto largest_of = [&](std::int32_t a, std::int32_t b) {
    return std::max(least[size_of(a)].load(std::memory_order_relaxed),
                    least[size_of(b)].load(std::memory_order_relaxed));
  };
  // a first bound: from the first sample of every block to those of all others
  const double work = 0.05 * static_cast<double>(rows.n()) * static_cast<double>(rows.n()) *
                      static_cast<double>(space.rows().n_features + 2);
  const auto reach = [&](Index p, Index q) {
    return std::max(
        {core[size_of(rows.row(p))], core[size_of(rows.row(q))], space.distance(rows.data(p), rows.data(q))});
  };
  for_blocks(Blocks{rows.count(), 1}, run, work / block_rows / block_rows, [&](Index a, int) {
    for (Index b = 0; b < rows.count(); ++b)
      if (cluster_of(a) != cluster_of(b)) lower(least[size_of(cluster_of(a))], reach(rows.begin(a), rows.begin(b)));
  });
  std::vector<neighbors::PairTile<T>> tiles(size_of(std::min<Index>(parallel::n_threads(), rows.count())),
                                            neighbors::PairTile<T>(rows, rows));
  for_blocks(Blocks{rows.count(), 1}, run, work, [&](Index a, int thread) {
    auto& tile = tiles[size_of(thread)];
    const std::int32_t own = cluster_of(a);
    for (Index b = a + 1; b < rows.count(); ++b) {
      const std::int32_t other = cluster_of(b);
      if (own == other) continue;
      if (thread == 0) run.tick();
      if (run.stopped()) throw Interrupted{};
      double wanted = largest_of(own, other);
      if (neighbors::least_length(rows, a, rows, b) > space.length(space.to_sum(wanted)) * (1 + 1e-12)) continue;
      if (neighbors::are_apart(rows, a, rows, b, wanted)) continue;
      tile.load(a, b);
      for (Index i = 0; i < rows.size(a); ++i) tile.want_lane(i, wanted);
      for (const std::uint32_t hit : tile.scan(0, rows.size(b))) {
        const double distance =
            reach(rows.begin(a) + static_cast<Index>(hit & 0xffff), rows.begin(b) + static_cast<Index>(hit >> 16));
        lower(least[size_of(own)], distance);
        lower(least[size_of(other)], distance);
      }
    }
  });
  std::vector<double> result;
  for (const auto& value : least) result.push_back(value.load(std::memory_order_relaxed));
  return result;
}

}  // namespace

template <class T>
Validity density_validity(const Space<T>& space, std::span<const std::int32_t> cluster, Index n_clusters,
                          double dimension, Run& run) {
  const Points<const T> x = space.rows();
  std::vector<std::vector<std::int32_t>> members(size_of(n_clusters));
  for (Index i = 0; i < x.n_samples; ++i)
    if (cluster[size_of(i)] >= 0) members[size_of(cluster[size_of(i)])].push_back(static_cast<std::int32_t>(i));

  Validity result;
  result.sparseness.assign(size_of(n_clusters), 0.0);
  result.validity.assign(size_of(n_clusters), 0.0);
  std::vector<double> core(size_of(x.n_samples), 0.0);
  std::vector<std::int32_t> internal;
  std::vector<T> own;
  for (Index c = 0; c < n_clusters; ++c) {
    run.progress("cluster", static_cast<double>(c), static_cast<double>(n_clusters));
    const auto& rows = members[size_of(c)];
    if (rows.size() < 2) continue;
    own.resize(rows.size() * size_of(x.n_features));
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(x.row(rows[i]), x.n_features, own.data() + i * size_of(x.n_features));
    const Space<T> inside(space, Points<const T>{own.data(), static_cast<Index>(rows.size()), x.n_features});
    const std::vector<double> own_core = all_points_core(inside, dimension, run);
    neighbors::Reachability reach;
    reach.core = own_core.data();
    const neighbors::SpanningTree tree = neighbors::mst_tiles(inside, reach, run);
    std::vector<std::int32_t> degree(rows.size(), 0);
    for (std::size_t e = 0; e < tree.u.size(); ++e) ++degree[size_of(tree.u[e])], ++degree[size_of(tree.v[e])];
    const bool any_node = std::any_of(degree.begin(), degree.end(), [](std::int32_t value) { return value > 1; });
    double largest = -1;
    for (std::size_t e = 0; e < tree.u.size(); ++e)
      if (degree[size_of(tree.u[e])] > 1 && degree[size_of(tree.v[e])] > 1) largest = std::max(largest, tree.weight[e]);
    result.sparseness[size_of(c)] = largest >= 0 ? largest : tree.weight.back();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      core[size_of(rows[i])] = own_core[i];
      if (!any_node || degree[i] > 1) internal.push_back(rows[i]);
    }
  }
  result.separation.assign(size_of(n_clusters), inf);
  if (!internal.empty()) result.separation = separations<T>(space, cluster, core, std::move(internal), n_clusters, run);
  for (Index c = 0; c < n_clusters; ++c) {
    const double sparse = result.sparseness[size_of(c)];
    const double apart = result.separation[size_of(c)];
    if (members[size_of(c)].size() < 2 || !(apart < inf)) continue;
    const double larger = std::max(sparse, apart);
    result.validity[size_of(c)] = larger > 0 ? (apart - sparse) / larger : 0;
  }
  run.progress("cluster", static_cast<double>(n_clusters), static_cast<double>(n_clusters));
  return result;
}

template Validity density_validity(const Space<float>&, std::span<const std::int32_t>, Index, double, Run&);
template Validity density_validity(const Space<double>&, std::span<const std::int32_t>, Index, double, Run&);

}  // namespace shoal::metrics
