#include "centroid/assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "centroid/assigners.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

}  // namespace

template <class T>
T largest_norm(Points<const T> centers, const T* origin) {
  double largest = 0;
  for (Index j = 0; j < centers.n_samples; ++j) {
    double sq = 0;
    for (Index p = 0; p < centers.n_features; ++p) {
      const double value = static_cast<double>(centers.row(j)[p]) - static_cast<double>(origin[p]);
      sq += value * value;
    }
    largest = std::max(largest, sq);
  }
  return static_cast<T>(std::sqrt(largest) * (1 + 1e-6));
}

template <class T>
CenterLanes<T> pack_lanes(Points<const T> centers, const T* origin, std::span<const std::int32_t> order) {
  const Index k = centers.n_samples;
  const Index d = centers.n_features;
  CenterLanes<T> lanes;
  lanes.size = kernels<T>().group_size;
  lanes.n_groups = (k + lanes.size - 1) / lanes.size;
  lanes.n_features = d;
  lanes.data.assign(at(lanes.n_groups * d * lanes.size), T{0});
  lanes.start.assign(at(lanes.n_groups * lanes.size), std::numeric_limits<T>::infinity());
  lanes.center.assign(at(lanes.n_groups * lanes.size), -1);
  lanes.lane_of.assign(at(k), 0);
  for (Index i = 0; i < k; ++i) {
    const std::int32_t j = order[at(i)];
    const Index group = i / lanes.size;
    const Index lane = i % lanes.size;
    T* to = lanes.data.data() + group * d * lanes.size + lane;
    double sq = 0;
    for (Index p = 0; p < d; ++p) {
      const T value = centers.row(j)[p] - origin[p];
      to[p * lanes.size] = value;
      sq += static_cast<double>(value) * static_cast<double>(value);
    }
    lanes.start[at(i)] = static_cast<T>(sq / 2);
    lanes.center[at(i)] = j;
    lanes.lane_of[at(j)] = static_cast<std::int32_t>(i);
  }
  return lanes;
}

template <class T>
Rounding<T>::Rounding(Index n_features, T c_max)
    : unit(static_cast<T>(n_features + 8) * std::numeric_limits<T>::epsilon()),
      scale(4 * unit * c_max),
      floor(static_cast<T>(4 * (n_features + 8)) * std::numeric_limits<T>::min()),
      shift(2 * c_max + (scale > 0 ? floor / scale : T{0})) {}

template <class T>
std::unique_ptr<Assigner<T>> make_assigner(Algorithm algorithm, const Rows<T>& rows, Index n_clusters, Index n_passes) {
  if (rows.sparse()) return make_lloyd(rows, n_clusters, n_passes);
  const Points<const T> x = rows.dense;
  switch (algorithm) {
    case Algorithm::hamerly:
      return make_hamerly(x, n_clusters);
    case Algorithm::yinyang:
      return make_yinyang(x, n_clusters);
    case Algorithm::elkan:
      return make_elkan(x, n_clusters);
    default:
      return make_lloyd(rows, n_clusters, n_passes);
  }
}

template <class T>
Index bounds_size(Algorithm algorithm, Index n_samples, Index n_clusters) {
  const Index size = kernels<T>().group_size;
  const Index groups = (n_clusters + size - 1) / size;
  switch (algorithm) {
    case Algorithm::hamerly:
      return 2 * n_samples;
    case Algorithm::yinyang:
      return n_samples * (groups + 1);
    case Algorithm::elkan:
      return n_samples * (groups * size + 1);
    default:
      return 0;
  }
}

template <class T>
void mean_of(Points<const T> centers, T* origin) {
  const Index d = centers.n_features;
  std::vector<double> sum(at(d), 0.0);
  std::vector<T> low(centers.row(0), centers.row(0) + d);
  std::vector<T> high = low;
  for (Index j = 0; j < centers.n_samples; ++j)
    for (Index p = 0; p < d; ++p) {
      const T value = centers.row(j)[p];
      sum[at(p)] += static_cast<double>(value);
      low[at(p)] = std::min(low[at(p)], value);
      high[at(p)] = std::max(high[at(p)], value);
    }
  for (Index p = 0; p < d; ++p) {
    const double range = static_cast<double>(high[at(p)]) - static_cast<double>(low[at(p)]);
    if (!(range > 0)) {
      origin[p] = low[at(p)];
      continue;
    }
    // A 16th of the range or less, down to a power of two.
    const double step = std::ldexp(1.0, std::max(std::ilogb(range) - 4, -1074));
    const double mean = sum[at(p)] / static_cast<double>(centers.n_samples);
    origin[p] = static_cast<T>(std::nearbyint(mean / step) * step);
  }
}

template <class T>
Index assign_block_length(const Rows<T>& x) {
  return parallel::blocks_of(x.n_samples, x.row_bytes(), std::size_t{1} << 16).length;
}

template <class T>
double assign_work(const Rows<T>& x, Index n_clusters) {
  return 0.03 * x.size() * static_cast<double>(n_clusters + 8);
}

template <class T>
void assign_all(const Rows<T>& x, Points<const T> centers, std::span<std::int32_t> labels, Run& run) {
  const auto assigner = make_assigner(Algorithm::lloyd, x, centers.n_samples);
  assigner->prepare(centers, {}, run);
  const parallel::Blocks blocks{x.n_samples, assign_block_length(x)};
  parallel::for_blocks(blocks, run, assign_work(x, centers.n_samples), [&](Index b, int thread) {
    assigner->assign(blocks.begin(b), blocks.end(b), thread, labels.data());
  });
}

#define SHOAL_INSTANTIATE(T)                                                                    \
  template struct Rounding<T>;                                                                  \
  template T largest_norm(Points<const T>, const T*);                                           \
  template CenterLanes<T> pack_lanes(Points<const T>, const T*, std::span<const std::int32_t>); \
  template std::unique_ptr<Assigner<T>> make_assigner(Algorithm, const Rows<T>&, Index, Index); \
  template Index bounds_size<T>(Algorithm, Index, Index);                                       \
  template void mean_of(Points<const T>, T*);                                                   \
  template Index assign_block_length(const Rows<T>&);                                           \
  template double assign_work(const Rows<T>&, Index);                                           \
  template void assign_all(const Rows<T>&, Points<const T>, std::span<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
