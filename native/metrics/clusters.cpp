#include "metrics/clusters.hpp"

#include <algorithm>
#include <cmath>

#include "parallel/parallel_for.hpp"

namespace shoal::metrics {
namespace {

/// The sum over p < d of square(p), two at a time without asking the compiler to reorder a sum.
template <class Difference>
double sum_of_squares(Index d, Difference&& difference) {
  double even = 0, odd = 0;
  Index p = 0;
  for (; p + 1 < d; p += 2) {
    const double a = difference(p), b = difference(p + 1);
    even += a * a;
    odd += b * b;
  }
  if (p < d) even += difference(p) * difference(p);
  return even + odd;
}

/// Adds body(sample, its cluster, partial) over all samples, block by block, into `size` doubles.
template <class Body>
std::vector<double> sum_by_block(const Labels& labels, Index size, double work_ns, Run& run, Body&& body) {
  const auto n = static_cast<Index>(labels.cluster.size());
  // As many partial sums as take the room of the data.
  const Index partials = std::clamp<Index>(n / std::max<Index>(labels.n_clusters, 1), 1, 64);
  const auto blocks = parallel::blocks_at_most(n, partials, 256);
  std::vector<double> partial(static_cast<std::size_t>(blocks.count() * size));
  // A block may be a sizeable part of the data: it is worked on in pieces, between which a run can stop.
  constexpr Index piece = 4096;
  parallel::for_blocks(blocks, run, work_ns, [&](Index block, int thread) {
    double* out = partial.data() + block * size;
    for (Index begin = blocks.begin(block); begin < blocks.end(block) && !run.stopped(); begin += piece) {
      const Index end = std::min(begin + piece, blocks.end(block));
      for (Index i = begin; i < end; ++i)
        if (const std::int32_t c = labels.cluster[static_cast<std::size_t>(i)]; c >= 0) body(i, c, out);
      if (thread == 0) run.tick();
    }
  });
  run.checkpoint();
  std::vector<double> total(static_cast<std::size_t>(size));
  for (Index block = 0; block < blocks.count(); ++block)
    for (Index s = 0; s < size; ++s)
      total[static_cast<std::size_t>(s)] += partial[static_cast<std::size_t>(block * size + s)];
  return total;
}

}  // namespace

template <class T>
Centroids centroids(Points<const T> x, Weights<T> weight, const Labels& labels, Run& run) {
  const Index d = x.n_features, k = labels.n_clusters;
  Centroids out;
  out.n_features = d;
  out.pivot.resize(static_cast<std::size_t>(k * d));
  out.delta.resize(static_cast<std::size_t>(k * d));
  out.weight.resize(static_cast<std::size_t>(k));
  std::vector<bool> seen(static_cast<std::size_t>(k));
  for (Index i = 0; i < x.n_samples; ++i) {
    const std::int32_t c = labels.cluster[static_cast<std::size_t>(i)];
    if (c < 0 || seen[static_cast<std::size_t>(c)]) continue;
    seen[static_cast<std::size_t>(c)] = true;
    std::copy_n(x.row(i), d, out.pivot.begin() + c * d);
  }

  // Per cluster d sums of differences from its pivot, then the weight.
  const Index width = d + 1;
  const double work = static_cast<double>(x.size());
  const auto sums = sum_by_block(labels, k * width, work, run, [&](Index i, std::int32_t c, double* sum) {
    const T* row = x.row(i);
    const double* pivot = out.pivot.data() + c * d;
    double* to = sum + c * width;
    const double w = static_cast<double>(weight[i]);
    for (Index p = 0; p < d; ++p) to[p] += w * (static_cast<double>(row[p]) - pivot[p]);
    to[d] += w;
  });
  for (Index c = 0; c < k; ++c) {
    const double* from = sums.data() + c * width;
    out.weight[static_cast<std::size_t>(c)] = from[d];
    out.total += from[d];
    for (Index p = 0; p < d; ++p)
      out.delta[static_cast<std::size_t>(c * d + p)] = from[d] > 0 ? from[p] / from[d] : 0.0;
  }
  return out;
}

template <class T>
std::vector<double> spread(Points<const T> x, Weights<T> weight, const Labels& labels, const Centroids& centroids,
                           bool root, Run& run) {
  const Index d = x.n_features;
  const double work = static_cast<double>(x.size());
  return sum_by_block(labels, labels.n_clusters, work, run, [&](Index i, std::int32_t c, double* sum) {
    const T* row = x.row(i);
    const double* pivot = centroids.pivot.data() + c * d;
    const double* delta = centroids.delta.data() + c * d;
    const double sq = sum_of_squares(d, [&](Index p) { return (static_cast<double>(row[p]) - pivot[p]) - delta[p]; });
    sum[c] += static_cast<double>(weight[i]) * (root ? std::sqrt(sq) : sq);
  });
}

double calinski_harabasz(const Centroids& centroids, std::span<const double> sq_spread) {
  const Index k = centroids.n_clusters(), d = centroids.n_features;
  double within = 0;
  for (double s : sq_spread) within += s;
  if (within == 0) return 1.0;
  // Everything relative to the first pivot.
  const double* origin = centroids.pivot.data();
  std::vector<double> mean(static_cast<std::size_t>(d));
  for (Index c = 0; c < k; ++c)
    for (Index p = 0; p < d; ++p)
      mean[static_cast<std::size_t>(p)] +=
          centroids.weight[static_cast<std::size_t>(c)] / centroids.total * centroids.coordinate(c, p, origin[p]);
  double between = 0;
  for (Index c = 0; c < k; ++c)
    between += centroids.weight[static_cast<std::size_t>(c)] * sum_of_squares(d, [&](Index p) {
                 return centroids.coordinate(c, p, origin[p]) - mean[static_cast<std::size_t>(p)];
               });
  return between * (centroids.total - static_cast<double>(k)) / (within * static_cast<double>(k - 1));
}

double davies_bouldin(const Centroids& centroids, std::span<const double> spread, Run& run) {
  const Index k = centroids.n_clusters(), d = centroids.n_features;
  std::vector<double> mean_distance(static_cast<std::size_t>(k));
  // What the rounding of a centroid is relative to: nothing outside of its cluster.
  std::vector<double> extent(mean_distance.size());
  for (std::size_t c = 0; c < mean_distance.size(); ++c) {
    mean_distance[c] = spread[c] / centroids.weight[c];
    const double* delta = centroids.delta.data() + static_cast<Index>(c) * d;
    extent[c] = mean_distance[c] + std::sqrt(sum_of_squares(d, [&](Index p) { return delta[p]; }));
  }
  const auto distance = [&](Index i, Index j) {
    const auto a = static_cast<std::size_t>(i * d), b = static_cast<std::size_t>(j * d);
    return std::sqrt(sum_of_squares(d, [&](Index p) {
      const auto at = static_cast<std::size_t>(p);
      return (centroids.pivot[a + at] - centroids.pivot[b + at]) + (centroids.delta[a + at] - centroids.delta[b + at]);
    }));
  };
  constexpr double rounding = 1e-13;
  const parallel::Blocks blocks{k, parallel::forced_block_length() > 0 ? parallel::forced_block_length() : 16};
  const double work = static_cast<double>(k) * static_cast<double>(k) * static_cast<double>(d + 4);
  const double total = parallel::sum_blocks<double>(blocks, run, work, [&](Index block, int) {
    double part = 0;
    for (Index i = blocks.begin(block); i < blocks.end(block); ++i) {
      double worst = 0;
      for (Index j = 0; j < k; ++j) {
        const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
        const double gap = distance(i, j);
        if (gap <= rounding * (extent[a] + extent[b])) continue;  // itself, or a centroid in the same place
        worst = std::max(worst, (mean_distance[a] + mean_distance[b]) / gap);
      }
      part += worst;
    }
    return part;
  });
  return total / static_cast<double>(k);
}

template Centroids centroids(Points<const float>, Weights<float>, const Labels&, Run&);
template Centroids centroids(Points<const double>, Weights<double>, const Labels&, Run&);
template std::vector<double> spread(Points<const float>, Weights<float>, const Labels&, const Centroids&, bool, Run&);
template std::vector<double> spread(Points<const double>, Weights<double>, const Labels&, const Centroids&, bool, Run&);

}  // namespace shoal::metrics
