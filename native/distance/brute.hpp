// Distances between all pairs of two sets, reduced as they are computed: the tile driven over blocks in parallel.
//
// Cost: n_x n_y d multiply-adds at the tile's rate. Memory: the result, one panel per thread and one packed chunk of
// the other side; cosine normalises a copy of what it packs. The bits do not depend on the number of threads.
// Euclidean distances are summed as squared differences (no cancellation); cosine is half the squared distance of
// the normalised rows, so that a row is at exactly 0 from itself. A row of zeros has cosine distance 1 to others
// and 0 to another row of zeros.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/points.hpp"
#include "distance/tile.hpp"
#include "parallel/run.hpp"

namespace shoal::distance {

enum class Metric { euclidean, sq_euclidean, cosine, manhattan, chebyshev };

/// "euclidean", "sqeuclidean", "cosine", "manhattan", "chebyshev"; throws std::invalid_argument.
Metric metric_from_name(std::string_view name);

/// The form of the tile that a metric's distances are computed from, by differences.
Form form_of(Metric metric);

/// label[i] = the row of y nearest to row i of x in Euclidean distance, a tie going to the smaller row; sq_dist[i]
/// (when not empty) its squared distance from the direct sum of squares. The search is the tile's expanded form on
/// data shifted by `origin` (null: not shifted), so rows nearer to a tie than its rounding may go either way.
template <class T>
void nearest(Points<const T> x, Points<const T> y, const T* origin, std::span<std::int32_t> label, std::span<T> sq_dist,
             Run& run);

/// out[i * n_y + j] = metric(row i of x, row j of y).
template <class T>
void pairwise(Metric metric, Points<const T> x, Points<const T> y, T* out, Run& run);

/// count[i] = sum of weight[j] (1 when none) over the rows j of y with metric(i, j) <= radius.
template <class T>
void count_within(Metric metric, Points<const T> x, Points<const T> y, Weights<T> weight, T radius,
                  std::span<double> count, Run& run);

/// The k nearest rows of y for each row of x, nearest first, ties by index: distances and indices, n_x x k each.
/// Precondition: 1 <= k <= y.n_samples.
template <class T>
void k_nearest(Metric metric, Points<const T> x, Points<const T> y, Index k, T* distances, std::int32_t* indices,
               Run& run);

}  // namespace shoal::distance
