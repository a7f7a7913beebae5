// What a Gaussian, and a uniform background, contribute to the weighted sums of a local covariance.
//
// A point at Mahalanobis distance r has weight w = t p / (p + softening), p = exp(-r^2 / 2), where t falls from 1 to 0
// between r^2 = 0.64 cut^2 and cut^2, linear in r^2: no point comes in or goes out with a jump. The window 4 t (1 - t)
// is a soft ring at the rim, from which the background is read. With r^2 ~ chi^2(K):
//
//   share  = E[w]           Gaussian's weight within           volume = same, for a uniform density
//   square = E[w r^2] / K   its second moment along an axis    volume_square
//   ring   = E[4 t (1 - t)] its share of the ring              volume_ring
//
// kappa = square / share makes the truth a fixed point: Fisher consistency of an M-estimator of scatter (R. A. Maronna,
// "Robust M-estimators of multivariate location and scatter", Annals of Statistics 4(1), 1976).
//
// Cost: some 250 values of the integrands per call of sums(), none at the widest cut. Error of kappa below 1e-5 of it.
#pragma once
#include <algorithm>
#include <vector>

#include "base/points.hpp"

namespace shoal::mixture {

class Consistency {
 public:
  /// Precondition: 0 < softening < 1; n_features >= 1.
  Consistency(double softening, Index n_features);

  /// Cuts beyond this are of no use: the weight is below a thousandth.
  double widest() const { return widest_; }
  /// The cut within which a quarter of the largest share lies.
  double narrowest() const { return narrowest_; }

  struct Sums {
    double share, square, ring;                 // of a Gaussian
    double volume, volume_square, volume_ring;  // of a uniform density, in units of the Gaussian's at its centre
  };
  /// Precondition: 0 < cut <= widest().
  Sums sums(double cut) const;
  double factor(double cut) const {
    const Sums s = sums(cut);
    return s.square / s.share;
  }

  /// p / (p + softening) at r^2: linear between the steps of a table, to 1e-6; 0 beyond widest().
  double weight(double sq_distance) const {
    const double place = sq_distance * steps_per_square_;
    if (!(place < static_cast<double>(weights_.size() - 1))) return 0;
    const auto below = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(below);
    return weights_[below] + part * (weights_[below + 1] - weights_[below]);
  }
  /// t.
  static double taper(double sq_distance, double sq_cut) {
    return std::clamp((sq_cut - sq_distance) / (0.36 * sq_cut), 0.0, 1.0);
  }

 private:
  Sums integrate(double cut) const;

  double softening_;
  double n_features_;
  double log_constant_;
  double widest_;
  double narrowest_;
  Sums widest_sums_;
  double steps_per_square_;
  std::vector<double> weights_;  // at r^2 = i / steps_per_square_
};

}  // namespace shoal::mixture
