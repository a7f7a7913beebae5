#include "mixture/consistency.hpp"

#include <cmath>

namespace shoal::mixture {
namespace {

constexpr int n_weights = 4096;
constexpr int n_panels = 128;  // of Simpson's rule, below the taper and again in it

}  // namespace

Consistency::Consistency(double softening, Index n_features)
    : softening_(softening),
      n_features_(static_cast<double>(n_features)),
      // the density of r is r^(K - 1) exp(-r^2 / 2) / (2^(K/2 - 1) Gamma(K/2))
      log_constant_((n_features_ / 2 - 1) * std::log(2.0) + std::lgamma(n_features_ / 2)),
      widest_(std::sqrt(-2 * std::log(softening) + 2 * std::log(1000.0))),
      narrowest_(widest_),
      steps_per_square_(n_weights / (widest_ * widest_)),
      weights_(n_weights + 1) {
  for (int i = 0; i <= n_weights; ++i)
    weights_[static_cast<std::size_t>(i)] = 1 / (1 + softening * std::exp(i / steps_per_square_ / 2));
  widest_sums_ = integrate(widest_);
  const double wanted = widest_sums_.share / 4;
  double low = 0;
  for (int i = 0; i < 40; ++i) {  // the share grows with the cut
    const double middle = (low + narrowest_) / 2;
    (integrate(middle).share < wanted ? low : narrowest_) = middle;
  }
}

Consistency::Sums Consistency::sums(double cut) const {
  return cut >= widest_ ? widest_sums_ : integrate(cut);
}

Consistency::Sums Consistency::integrate(double cut) const {
  Sums out{};
  const double sq_cut = cut * cut;
  const auto add = [&](double r, double step) {
    const double t = taper(r * r, sq_cut);
    const double radial = r > 0 ? (n_features_ - 1) * std::log(r) : (n_features_ > 1 ? -1e300 : 0.0);
    const double uniform = step * std::exp(radial - log_constant_);
    const double gaussian = step * std::exp(radial - r * r / 2 - log_constant_);
    const double w = t / (1 + softening_ * std::exp(r * r / 2));
    out.share += gaussian * w;
    out.square += gaussian * w * r * r / n_features_;
    out.ring += gaussian * 4 * t * (1 - t);
    out.volume += uniform * w;
    out.volume_square += uniform * w * r * r / n_features_;
    out.volume_ring += uniform * 4 * t * (1 - t);
  };
  const auto simpson = [&](double from, double to) {
    const double step = (to - from) / n_panels;
    for (int i = 0; i <= n_panels; ++i) add(from + step * i, step / 3 * (i == 0 || i == n_panels ? 1 : i % 2 ? 4 : 2));
  };
  simpson(0, 0.8 * cut);
  simpson(0.8 * cut, cut);
  return out;
}

}  // namespace shoal::mixture
