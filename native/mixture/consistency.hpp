// The factor that makes a Gaussian the fixed point of a weighted covariance.
//
// With weights w = p / (p + softening), p = exp(-r^2 / 2), and nothing beyond r <= cut, the weighted second moment of a
// standard Gaussian in K dimensions is kappa times its covariance:
//
//   kappa(cut) = E[w r^2 ; r <= cut] / (K E[w ; r <= cut]),   r^2 ~ chi^2(K)
//
// Dividing by kappa makes the truth a fixed point: Fisher consistency of an M-estimator of scatter (R. A. Maronna,
// "Robust M-estimators of multivariate location and scatter", Annals of Statistics 4(1), 1976).
//
// Cost: one pass over a table of 4096 steps, once per fit. Error below 1e-6 of the factor.
#pragma once
#include <vector>

#include "base/points.hpp"

namespace shoal::mixture {

class Consistency {
 public:
  /// Precondition: 0 < softening < 1; n_features >= 1.
  Consistency(double softening, Index n_features);

  double softening() const { return softening_; }
  /// Beyond this distance the weight is below a thousandth: the largest cut that is of use.
  double widest() const { return widest_; }
  /// kappa for a cut in (0, widest()].
  double factor(double cut) const;
  /// The share E[w ; r <= cut] of a Gaussian's weight.
  double share(double cut) const;
  /// w of a point at the squared distance m^2: linear between the steps of a table, to 1e-6; 0 beyond widest().
  double weight(double sq_mahalanobis) const {
    const double place = sq_mahalanobis * steps_per_square_;
    if (!(place < static_cast<double>(weights_.size() - 1))) return 0;
    const auto below = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(below);
    return weights_[below] + part * (weights_[below + 1] - weights_[below]);
  }

 private:
  double at(const std::vector<double>& table, double cut) const;

  double softening_;
  double n_features_;
  double widest_;
  double steps_per_square_;
  std::vector<double> weights_;  // w at m^2 = i / steps_per_square_
  std::vector<double> weight_;   // E[w ; r <= widest * i / steps]
  std::vector<double> square_;   // E[w r^2 ; r <= ...] / K
};

}  // namespace shoal::mixture
