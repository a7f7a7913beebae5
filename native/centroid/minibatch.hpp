// Mini-batch k-means: centres as running means of the samples that batches assign to them.
//
// D. Sculley, "Web-scale k-means clustering", WWW 2010: a batch is assigned to the nearest centres, then every centre
// moves to the mean of all samples it has ever been given: step width = the batch's share of its count. Centres with
// few samples start again from rows of the batch, and the fit ends when a running average of the batch inertia has
// not fallen for some steps, both as in scikit-learn. Spherical k-means keeps the running means and scales them to
// unit length for the assignment (S. Zhong, "Efficient online spherical k-means clustering", IJCNN 2005).
//
// Cost per step: O(batch k d); memory: one batch, k d means in double; with weights 12 bytes per sample. Results have
// the same bits for any number of threads: which rows make a batch depends on (seed, step) alone, and every centre
// adds up its samples in the order of the batch.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "base/points.hpp"
#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

struct MiniBatchOptions {
  Index batch_size = 1024;
  Index max_steps = 100;
  double tol = 0;                 // > 0: stop when the squared moves of all centres sum to no more than this
  Index max_no_improvement = 10;  // steps without a lower average inertia; negative: go on
  double reassignment_ratio = 0.01;
  bool spherical = false;  // samples and centres have unit length
  std::uint64_t seed = 0;
};

/// What goes on from step to step.
template <class T>
struct MiniBatchState {
  std::vector<T> centers;      // k x d, what samples are assigned to: the means, for spherical k-means at unit length
  std::vector<double> means;   // k x d, of all samples taken so far
  std::vector<double> counts;  // k, the weight of these samples
  double seen = 0;             // weight of the samples since centres were last considered for a new start

  MiniBatchState() = default;
  explicit MiniBatchState(Points<const T> start)
      : centers(start.data, start.data + start.size()),
        means(centers.begin(), centers.end()),
        counts(static_cast<std::size_t>(start.n_samples), 0.0) {}
};

template <class T>
struct MiniBatchResult {
  MiniBatchState<T> state;
  Index n_steps = 0;
  double mean_inertia = std::numeric_limits<double>::quiet_NaN();  // running average over batches, per unit weight
  bool converged = false;                                          // false: stopped by max_steps
};

/// Steps from `start` until converged. Batches are drawn with replacement, a row with probability proportional to
/// its weight; with batch_size >= n_samples a step takes every row once, with its weight.
/// Precondition: some weight is positive, max_steps >= 1.
template <class T>
MiniBatchResult<T> minibatch_fit(const Rows<T>& x, Weights<T> weight, Points<const T> start,
                                 const MiniBatchOptions& options, Run& run);

/// One step on all of x, the `step`-th since the start; centres may start again from its rows. Returns the weighted
/// inertia of x before the centres moved.
template <class T>
double minibatch_step(const Rows<T>& x, Weights<T> weight, MiniBatchState<T>& state, Index step,
                      const MiniBatchOptions& options, Run& run);

/// What batches are drawn for: each has its own stream.
enum class DrawFor : std::uint64_t { step = 1, start = 2, validation = 3, reassignment = 4 };

/// The `number`-th draw of `count` rows with replacement, as minibatch_fit draws them: the row where the cumulative
/// weight first exceeds a uniform share of the total. So unit weights draw as none, and a row of weight w draws as w
/// copies in its place.
template <class T>
std::vector<std::int32_t> draw_rows(Index n_samples, Weights<T> weight, Index count, std::uint64_t seed,
                                    DrawFor purpose, Index number);

}  // namespace shoal::centroid
