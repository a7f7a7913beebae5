// Samples by cluster: centroids, spread around them, and the two scores made of these.
//
// Calinski-Harabasz: (between / (k - 1)) / (within / (W - k)), the ratio of the dispersions between and within.
// Davies-Bouldin: the mean over clusters of max_j (S_i + S_j) / |c_i - c_j|, S being mean distances to the centroid.
//
// Cost: O(n d) for each of two passes over the data (centroids, spread), O(k^2 d) for Davies-Bouldin's pairs.
// Memory: O(k d) per partial sum, with as many of them as fit in the size of the data (at most 64).
// Sums are doubles, of differences from a sample of the cluster: an offset of the data costs no digits, and the
// centroid of equal samples is exactly where they are. They run over fixed blocks in order.
// A sample with cluster -1 takes no part.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::metrics {

/// Cluster of each sample, in [0, n_clusters) or -1.
struct Labels {
  std::span<const std::int32_t> cluster;
  Index n_clusters = 0;
};

/// Centroid c is pivot + delta; the two are kept apart because their sum would be rounded.
struct Centroids {
  Index n_features = 0;
  std::vector<double> pivot;   // n_clusters x n_features: the first sample of the cluster; 0 where there is none
  std::vector<double> delta;   // n_clusters x n_features: from there to the centroid
  std::vector<double> weight;  // n_clusters
  double total = 0;            // of weight

  Index n_clusters() const { return static_cast<Index>(weight.size()); }
  /// Feature p of centroid c, less `origin`.
  double coordinate(Index c, Index p, double origin) const {
    const auto at = static_cast<std::size_t>(c * n_features + p);
    return (pivot[at] - origin) + delta[at];
  }
};
template <class T>
Centroids centroids(Points<const T> x, Weights<T> weight, const Labels& labels, Run& run);

/// Per cluster, the weighted sum of the squared distances (of the distances when `root`) of its samples to its
/// centroid.
template <class T>
std::vector<double> spread(Points<const T> x, Weights<T> weight, const Labels& labels, const Centroids& centroids,
                           bool root, Run& run);

/// 1 when nothing is dispersed within. Precondition: 2 <= n_clusters < centroids.total.
double calinski_harabasz(const Centroids& centroids, std::span<const double> sq_spread);

/// Centroids in the same place are not compared: those nearer to each other than 1e-13 of the extent of their two
/// clusters, which is what their own rounding is relative to. Precondition: n_clusters >= 2.
double davies_bouldin(const Centroids& centroids, std::span<const double> spread, Run& run);

}  // namespace shoal::metrics
