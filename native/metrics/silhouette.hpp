// Silhouettes: how much closer a sample is to its own cluster than to the nearest other one.
//
// With S_ic the weighted sum of distances from sample i to the samples of cluster c, and W_c the weight of c,
//   a_i = S_ic / (W_c - min(w_i, 1)) for its own cluster,   b_i = min over the others of S_ic / W_c,
//   s_i = (b_i - a_i) / max(a_i, b_i);  0 where sample i is alone in its cluster, or a_i = b_i = 0.
// A whole weight w is w copies of a sample, each of which is at distance 0 from the others; a sample is alone when
// nothing is left of its cluster's weight.
// Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", 1987.
//
// Cost
//   euclidean, manhattan, chebyshev: n^2 d / 2 steps of the distance tile, for each pair of samples is looked at once
//     and its distance added to the sums of both; n^2 d where clusters are so small that panels would be padding.
//   sqeuclidean, cosine: n k d, for with m_c the centroid S_ic = W_c |x_i - m_c|^2 + sum over c of w_j |x_j - m_c|^2
//     (nothing cancels), and cosine distance is half the squared distance of the normalised rows.
//   simplified: n k d, distances to the centres instead of to the samples.
//   matrix: n^2 reads.
// Memory: a packed (cosine: normalised) copy of the data, 130 bytes per sample, and a panel per thread; never n x n.
// Every sum runs in an order given by the data alone: the same bits for any number of threads.
// A sample with cluster -1 takes no part; its silhouette is NaN. A row of zeros has cosine distance 1 to every other.
#pragma once
#include <cstdint>
#include <span>

#include "base/points.hpp"
#include "distance/brute.hpp"
#include "metrics/clusters.hpp"
#include "parallel/run.hpp"

namespace shoal::metrics {

/// Preconditions: n_clusters >= 2; s has room for n_samples values.
template <class T>
void silhouette(distance::Metric metric, Points<const T> x, Weights<T> weight, const Labels& labels,
                std::span<double> s, Run& run);

/// a_i and b_i are the distances to the centre of the own cluster and to the nearest other centre. `centers` has a row
/// per cluster, or no rows: then they are the weighted means (cosine: of the normalised rows).
template <class T>
void simplified_silhouette(distance::Metric metric, Points<const T> x, Points<const T> centers, Weights<T> weight,
                           const Labels& labels, std::span<double> s, Run& run);

/// Row i of `distances` holds those of sample i to all samples.
template <class T>
void matrix_silhouette(Points<const T> distances, Weights<T> weight, const Labels& labels, std::span<double> s,
                       Run& run);

}  // namespace shoal::metrics
