// Starting centres.
//
//   k-means++  D. Arthur, S. Vassilvitskii, SODA 2007: each centre drawn with probability proportional to the weight
//              times the squared distance to the nearest centre so far; greedy: of a few draws the one that lowers
//              the sum most. Draws that cannot come nearer to a sample are left out by the triangle inequality
//              (E. Raff, IJCAI 2021), which changes no result. A single draw per centre needs no look at all samples
//              after each: it is drawn by distances that may be out of date and refused as often as they are.
//   k-means||  B. Bahmani et al., VLDB 2012: rounds of many independent draws, then weighted k-means++ on them. Equal
//              rows are one row of their total weight there, with one random number per round.
//   random     distinct rows with probability proportional to their weights.
//
// Draws walk the samples in an order given by their values (a hash of the row), not by their place, and weights
// accumulate along it. So for one seed, a row of weight w draws as w copies of the row, rows may come in any
// order, and sparse and dense rows with the same values draw alike (all up to the rounding of sums).
// Memory: about 24 bytes per sample; rows of few features once more; where draws are screened by 8-bit codes (32
// features or more, a processor with 8-bit products) n_features + 12 bytes more; no array of n x draws.
#pragma once
#include <cstdint>
#include <vector>

#include "base/points.hpp"
#include "centroid/rows.hpp"
#include "centroid/update.hpp"
#include "parallel/run.hpp"
#include "random/philox.hpp"

namespace shoal::centroid {

/// Rows of the k-means++ start, greedy from two draws on, in the order drawn. n_draws per centre (0: 2 + floor(log
/// n_clusters)). O(n n_clusters n_draws d) without pruning; one draw is O((n + n_clusters^2) d) on most data.
/// Who knows the moments of the samples saves a pass. Precondition: n_clusters <= n_samples; some weight is positive.
template <class T>
std::vector<Index> kmeans_plusplus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws,
                                   random::Stream stream, Run& run, const Moments* known = nullptr);

/// Rows with distinct values as far as there are any.
template <class T>
std::vector<Index> random_rows(const Rows<T>& x, Weights<T> weight, Index n_clusters, random::Stream stream, Run& run);

/// Rows of the k-means|| start: `rounds` rounds of about `oversampling` * n_clusters draws.
template <class T>
std::vector<Index> kmeans_parallel(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index rounds,
                                   double oversampling, random::Stream stream, Run& run);

}  // namespace shoal::centroid
