// Lloyd's k-means from given centres, with any of the assignments of assignment.hpp.
//
// S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2), 1982. A step assigns every
// sample to its nearest centre and moves every centre to the mean of its samples. Neither half raises the weighted
// sum of squared distances (docs/specification/kmeans.md), so the loop ends: when no label changes, when the
// centres move no more than `tol`, or after `max_iter` steps.
// Cost: O(n k d) per step at most; memory as in assignment.hpp and update.hpp. Results have the same bits for any
// number of threads and any algorithm. Spherical k-means (Dhillon and Modha 2001) is the same loop on samples of
// unit length with centres scaled back to it, where |x - c|^2 = 2 (1 - cos).
#pragma once
#include <cstdint>
#include <vector>

#include "base/points.hpp"
#include "centroid/assignment.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

struct KMeansOptions {
  Index max_iter = 300;
  double tol = 0;  // stop when the squared moves of all centres sum to no more than this
  Algorithm algorithm = Algorithm::automatic;
  bool spherical = false;  // centres are scaled to unit length; samples and start must be
};

template <class T>
struct KMeansResult {
  std::vector<T> centers;            // n_clusters x n_features
  std::vector<std::int32_t> labels;  // of every sample; what assign_all gives for these centres
  double inertia = 0;
  Index n_iter = 0;
  bool converged = false;  // false: stopped by max_iter
};

/// Precondition: 1 <= n_clusters <= n_samples, both dimensions of x positive, all values finite.
template <class T>
KMeansResult<T> kmeans_fit(const Rows<T>& x, Weights<T> weight, Points<const T> start, const KMeansOptions& options,
                           Run& run);

}  // namespace shoal::centroid
