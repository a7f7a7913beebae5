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
void middle_of(Points<const T> centers, T* origin) {
  constexpr Index most = 63;
  const Index looked_at = std::min(centers.n_samples, most);
  std::vector<T> value(at(looked_at)), apart(at(looked_at));
  const auto half = value.begin() + looked_at / 2;
  for (Index p = 0; p < centers.n_features; ++p) {
    for (Index j = 0; j < looked_at; ++j) value[at(j)] = centers.row(centers.n_samples * j / looked_at)[p];
    std::nth_element(value.begin(), half, value.end());
    double median = static_cast<double>(*half);
    if (looked_at % 2 == 0) median = median / 2 + static_cast<double>(*std::max_element(value.begin(), half)) / 2;
    for (Index j = 0; j < looked_at; ++j)
      apart[at(j)] = static_cast<T>(std::abs(static_cast<double>(value[at(j)]) - median));
    const auto middle = apart.begin() + looked_at / 2;
    std::nth_element(apart.begin(), middle, apart.end());
    const double spread = 2 * static_cast<double>(*middle);
    if (spread > 0) {
      // A 16th of the spread or less, down to a power of two.
      const double step = std::ldexp(1.0, std::max(std::ilogb(spread) - 4, -1074));
      const double rounded = std::nearbyint(median / step) * step;
      if (std::isfinite(rounded)) median = rounded;
    }
    origin[p] = static_cast<T>(median);
  }
}

template <class T>
void Proof<T>::prepare(Points<const T> centers, const T* origin) {
  const Index k = centers.n_samples;
  const Index d = centers.n_features;
  norms_.resize(at(k));
  for (Index j = 0; j < k; ++j) norms_[at(j)] = largest_norm(centers.slice(j, j + 1), origin);
  std::vector<T> sorted = norms_;
  std::sort(sorted.begin(), sorted.end());
  const auto tier = [&](T c_max) {
    const Rounding<T> rounding(d, c_max);
    return typename ProofLimits<T>::Tier{rounding.scale, c_max, rounding.floor};
  };
  limits_ = {};
  limits_.near = limits_.all = tier(sorted.back());
  constexpr T apart = 16;
  if (Rounding<T>(d, T{1}).unit > T{0.05}) return;
  for (Index j = k / 2; j + 1 < k; ++j) {
    const T far = sorted[at(j + 1)];
    if (!(sorted[at(j)] * apart < far)) continue;
    limits_.near = tier(sorted[at(j)]);
    limits_.most_norm = far / 8;
    limits_.most_value = far / 4 * far;
    return;
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
  template void middle_of(Points<const T>, T*);                                                 \
  template class Proof<T>;                                                                      \
  template Index assign_block_length(const Rows<T>&);                                           \
  template double assign_work(const Rows<T>&, Index);                                           \
  template void assign_all(const Rows<T>&, Points<const T>, std::span<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
