#include "mixture/consistency.hpp"

#include <algorithm>
#include <cmath>

namespace shoal::mixture {
namespace {

constexpr int n_steps = 4096;

}  // namespace

Consistency::Consistency(double softening, Index n_features)
    : softening_(softening),
      n_features_(static_cast<double>(n_features)),
      widest_(std::sqrt(-2 * std::log(softening) + 2 * std::log(1000.0))),
      steps_per_square_(n_steps / (widest_ * widest_)),
      weights_(n_steps + 1),
      weight_(n_steps + 1, 0.0),
      square_(n_steps + 1, 0.0) {
  for (int i = 0; i <= n_steps; ++i)
    weights_[static_cast<std::size_t>(i)] = 1 / (1 + softening * std::exp(i / steps_per_square_ / 2));
  // The density of r is r^(K - 1) exp(-r^2 / 2) / (2^(K/2 - 1) Gamma(K/2)). Simpson's rule over every step.
  const double log_constant = (n_features_ / 2 - 1) * std::log(2.0) + std::lgamma(n_features_ / 2);
  const auto density = [&](double r) {
    if (r <= 0) return n_features_ == 1 ? std::exp(-log_constant) / (1 + softening_) : 0.0;
    const double likelihood = std::exp(-r * r / 2);
    return std::exp((n_features_ - 1) * std::log(r) - r * r / 2 - log_constant) * likelihood /
           (likelihood + softening_);
  };
  const double step = widest_ / n_steps;
  double before = density(0);
  for (int i = 0; i < n_steps; ++i) {
    const double a = step * i;
    const double middle = density(a + step / 2);
    const double after = density(a + step);
    const auto m = static_cast<std::size_t>(i);
    weight_[m + 1] = weight_[m] + step / 6 * (before + 4 * middle + after);
    square_[m + 1] = square_[m] + step / 6 / n_features_ *
                                      (before * a * a + 4 * middle * (a + step / 2) * (a + step / 2) +
                                       after * (a + step) * (a + step));
    before = after;
  }
}

double Consistency::at(const std::vector<double>& table, double cut) const {
  const double place = std::clamp(cut / widest_, 0.0, 1.0) * n_steps;
  const auto below = static_cast<std::size_t>(std::min(std::floor(place), n_steps - 1.0));
  const double part = place - static_cast<double>(below);
  return table[below] + part * (table[below + 1] - table[below]);
}

double Consistency::share(double cut) const {
  return at(weight_, cut);
}

double Consistency::factor(double cut) const {
  // within a few steps of 0 the density is flat and w constant: a uniform ball
  if (cut < 8 * widest_ / n_steps) return cut * cut / (n_features_ + 2);
  const double weight = at(weight_, cut);
  return weight > 0 ? at(square_, cut) / weight : cut * cut / (n_features_ + 2);
}

}  // namespace shoal::mixture
