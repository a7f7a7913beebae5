// Centroids climb to where their box is centred on the mean of its points, and collide on the way.
//
// Y.-Y. Tai, "An efficient clustering algorithm from the measure of local Gaussian distribution", 2017, step c,
// equations (1) and (2). A sweep moves every centroid that has not come to rest to the weighted mean of the points in
// the axis-aligned box of side `side` around it: one box sum of the R-tree each. After every sweep the centroids are
// gone through by falling weight (ties: by index); one that is closer than `collision` to one that stays is
// deleted, and never looked at again. So at the end no two are closer than that. A centroid whose box is empty (the
// mean of points in the corners of a box of many dimensions) stays where it is, with no weight.
//
// The next position depends on the set of points in the box alone, so a path is periodic in the end. A period of more
// than one step is found as R. P. Brent does ("An improved Monte Carlo factorization algorithm", BIT 20, 1980), by
// comparing with the position after sweep 1, 2, 4, 8, ...: the centroid rests there too.
//
// Cost: O(sweeps * live centroids * box sum); memory O(centroids * d). Parallel over centroids; each is moved by one
// thread, so results do not depend on threads.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "neighbors/r_tree.hpp"

namespace shoal::mixture {

struct ShiftOptions {
  double side;
  double collision;  // >= 0
  double tol;        // a centroid rests when a step is shorter than this (a step of 0 always rests)
  Index max_iter;
  bool keep_paths;
};

struct Shifted {
  std::vector<double> centers;      // of those that stayed, in the order of the seeds
  std::vector<double> weight;       // of the points in their boxes
  std::vector<std::int64_t> seeds;  // which seeds they were
  Index n_iter = 0;                 // sweeps
  bool converged = false;
  /// (n_iter + 1) x seeds x d when asked for: NaN after a centroid is deleted.
  std::vector<double> paths;
};

/// Precondition: centers has at least one row; weight[i] is what collisions go by before the first sweep.
template <class T>
Shifted shift(const neighbors::RTree<T>& tree, Points<const double> centers, const ShiftOptions& options, Run& run);

/// Indices of those that stay when all are gone through by falling weight (ties: by index) and each deletes the ones
/// closer than `collision` behind it; ascending.
std::vector<std::int64_t> survivors(Points<const double> centers, std::span<const double> weight, double collision,
                                    Run& run);

}  // namespace shoal::mixture
