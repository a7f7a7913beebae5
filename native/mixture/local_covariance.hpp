// The covariance of every cluster from the points around its centroid.
//
// Y.-Y. Tai, "An efficient clustering algorithm from the measure of local Gaussian distribution", 2017, step d,
// equations (3) to (8), made consistent. A point at Mahalanobis distance m has likelihood p = exp(-m^2 / 2) relative to
// the centroid's, and weight w = p / (p + softening), tapered to 0 at a cut. The covariance is the fixed point of
//
//   Sigma = sum_i w_i (x_i - mu)(x_i - mu)' / (kappa(cut) sum_i w_i)
//
// with kappa of consistency.hpp, so that a Gaussian's own covariance is the answer whatever `softening` and `cut` are.
// A uniform background, whose density is read from the points near the cut, is taken out of both sums. The cut keeps
// other clusters out: the ellipsoid m <= cut reaches at most `reach` of the way to any other centroid,
//
//   cut = min(widest, min_j reach |mu_j - mu| / sqrt(u_j' Sigma u_j)),   u_j the unit vector towards centroid j,
//
// so it may be long where there is no neighbour. The start is the covariance within `reach` times the distance to the
// nearest centroid, scaled so that the median of m^2 is a Gaussian's.
//
// Early iterations look at every s-th point in the order of the tree (a sample spread evenly over space), s falling
// to 1; the answer is the fixed point for all of them. A ridge is added to Sigma: it bounds the axes from below.
//
// Cost: O(iterations * points around * d^2) per cluster; memory O(points around * d) per thread. Parallel over
// clusters; each is done by one thread, so results do not depend on threads.
#pragma once
#include <vector>

#include "mixture/consistency.hpp"
#include "neighbors/r_tree.hpp"

namespace shoal::mixture {

struct CovarianceOptions {
  double softening;
  double reach;      // > 0, in units of the distance to the other centroid
  double ridge;      // > 0: added to every variance
  double tol;        // rests when no entry changes by more than this times the largest
  Index max_iter;    // over all points
  bool paper_exact;  // equations (4) to (8) as written: p sums to 1 over a ball, division by the number of points
};

struct LocalCovariances {
  std::vector<double> covariances;  // n_clusters * d * d
  std::vector<double> weight;       // estimate of each cluster's whole weight, from that within the cut
  std::vector<double> cut;
  Index n_iter = 0;  // the most of any cluster
  bool converged = true;
};

/// Precondition: centers has at least one row.
template <class T>
LocalCovariances local_covariances(const neighbors::RTree<T>& tree, Points<const double> centers,
                                   const CovarianceOptions& options, Run& run);

}  // namespace shoal::mixture
