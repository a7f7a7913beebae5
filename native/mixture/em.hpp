// The sums of an EM step for Gaussian mixtures, E and M fused over blocks of samples.
//
// A block's samples are packed once; their densities, responsibilities and moments are taken while they are in cache,
// so nothing of size n_samples x n_components ever exists. Dempster, Laird, Rubin 1977; McLachlan and Peel 2000, ch. 3.
//
// Cost per step: O(n k d^2) for full (d (d + 1) multiply-adds per sample and component), O(n (d^2 + k d)) for tied,
// O(n k d) for diag and spherical. Memory: O(k d^2) per partial sum, at most 64 of them (fewer when they are large),
// and one block per thread. Tied components far apart in float, and tied starts in float, are summed in double.
// Deterministic: blocks depend on the data alone, partial sums are added in their order.
#pragma once
#include <span>
#include <vector>

#include "mixture/density.hpp"

namespace shoal::mixture {

/// Weighted mean of all samples and sum of w (x - mean)(x - mean)', in double also for float data.
struct Scatter {
  double weight = 0;
  std::vector<double> mean;    // d
  std::vector<double> second;  // d x d
};
template <class T>
Scatter scatter(Points<const T> x, Weights<T> weight, Run& run);

/// What an M step needs; covariances in the shapes of factor_size(), about the new means, nothing added to them.
struct Moments {
  std::vector<double> weight;       // k: sum of w r, and 10 epsilon of T (times the mean weight) against empty ones
  std::vector<double> means;        // k x d
  std::vector<double> covariances;  // tied: the pooled one
  double log_likelihood = 0;        // sum of w log density
  double entropy = 0;               // sum of w (-sum_c r_c log r_c)
};

/// Responsibilities under the components, and the moments of the samples under them.
/// Precondition: `all` is scatter(x, weight) when components are tied; otherwise it is not read.
template <class T>
Moments em_moments(Points<const T> x, Weights<T> weight, const Components<T>& components, const Scatter& all, Run& run);

/// Moments under given responsibilities: those of labels (-1 belongs to no component) or a matrix, one row per sample.
template <class T>
Moments label_moments(Points<const T> x, Weights<T> weight, std::span<const std::int32_t> labels, Index n_components,
                      Covariance type, const Scatter& all, Run& run);
template <class T>
Moments resp_moments(Points<const T> x, Weights<T> weight, Points<const T> resp, Covariance type, const Scatter& all,
                     Run& run);

/// precisions_cholesky of covariances (shapes as in factor_size()). Returns the first component whose covariance is
/// not positive definite (0 for tied), or -1. O(k d^3) time.
Index precision_factors(Covariance type, Index n_components, Index n_features, const double* covariances,
                        double* factor, Run& run);

}  // namespace shoal::mixture
