#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "mixture/density.hpp"
#include "mixture/em.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::mixture;
using shoal::tests::BlockLength;
using shoal::tests::groups;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::ThreadLimit;

namespace {

constexpr Covariance types[] = {Covariance::full, Covariance::tied, Covariance::diag, Covariance::spherical};

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

struct Model {
  Covariance type;
  Index k, d;
  std::vector<double> means, factor, log_weight;

  Points<const double> points() const { return {means.data(), k, d}; }

  /// log (w_c N_c(row)), term by term.
  double log_density(const double* row, Index c) const {
    double square = 0;
    double log_det = 0;
    for (Index j = 0; j < d; ++j) {
      double y = 0;
      for (Index i = 0; i < d; ++i) y += (row[i] - means[at(c * d + i)]) * entry(c, i, j);
      square += y * y;
      log_det += std::log(entry(c, j, j));
    }
    return log_weight[at(c)] + log_det - square / 2 - static_cast<double>(d) / 2 * std::log(2 * std::numbers::pi);
  }

 private:
  double entry(Index c, Index i, Index j) const {
    switch (type) {
      case Covariance::full:
        return factor[at((c * d + i) * d + j)];
      case Covariance::tied:
        return factor[at(i * d + j)];
      case Covariance::diag:
        return i == j ? factor[at(c * d + i)] : 0;
      case Covariance::spherical:
        return i == j ? factor[at(c)] : 0;
    }
    return 0;
  }
};

Model model(Covariance type, Index k, Index d) {
  Model out{type, k, d, groups<double>(k, d, k, 3).values, {}, {}};
  const bool matrix = type == Covariance::full || type == Covariance::tied;
  for (Index i = 0; i < factor_size(type, k, d); ++i) {
    const Index row = i / d % d;
    const Index column = i % d;
    const double wave = std::sin(static_cast<double>(i + 1));
    out.factor.push_back(!matrix || row == column ? 0.7 + 0.3 * wave : row < column ? 0.2 * wave : 0.0);
  }
  for (Index c = 0; c < k; ++c) out.log_weight.push_back(-std::log(static_cast<double>(k)) - 0.01 * double(c));
  return out;
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

template <class T>
void check_densities(Covariance type, Index n, Index k, Index d) {
  const Sample<T> x = groups<T>(n, d, k);
  const Model truth = model(type, k, d);
  const auto packed = pack_components<T>(type, truth.points(), truth.factor.data(), truth.log_weight.data());
  std::vector<std::int32_t> label(at(n));
  std::vector<T> best(at(n)), second(at(n)), log_sum(at(n)), matrix(at(n * k));
  Run run;
  log_densities<T>(x.points(), packed, {label.data(), best.data(), second.data(), log_sum.data(), matrix.data()}, run);
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
  bool equal = true;
  for (Index i = 0; i < n; ++i) {
    const std::vector<double> row(x.values.begin() + i * d, x.values.begin() + (i + 1) * d);
    double sum = 0;
    for (Index c = 0; c < k; ++c) {
      const double expected = truth.log_density(row.data(), c);
      const T got = matrix[at(i * k + c)];
      equal = equal && near(static_cast<double>(got), expected, tolerance) && got <= best[at(i)];
      if (c != label[at(i)]) equal = equal && got <= second[at(i)];
      sum += std::exp(expected - static_cast<double>(best[at(i)]));
    }
    equal = equal && matrix[at(i * k + label[at(i)])] == best[at(i)];
    equal =
        equal && near(static_cast<double>(log_sum[at(i)]), static_cast<double>(best[at(i)]) + std::log(sum), tolerance);
  }
  CHECK(equal);
}

void check_moments(Covariance type, Index n, Index k, Index d) {
  Sample<double> x = groups<double>(n, d, k);
  std::vector<double> weight;
  for (Index i = 0; i < n; ++i) weight.push_back(static_cast<double>(i % 3));
  Model truth = model(type, k, d);
  // so near that no component is without samples
  for (auto* values : {&x.values, &truth.means})
    for (double& value : *values) value *= 0.2;
  const auto packed = pack_components<double>(type, truth.points(), truth.factor.data(), truth.log_weight.data());
  Run run;
  const Weights<double> w{weight.data()};
  const Scatter all = scatter<double>(x.points(), w, run);
  const Moments moments = em_moments<double>(x.points(), w, packed, all, run);
  std::vector<double> count(at(k)), mean(at(k * d));
  double likelihood = 0;
  for (Index i = 0; i < n; ++i) {
    double sum = 0;
    for (Index c = 0; c < k; ++c) sum += std::exp(truth.log_density(x.points().row(i), c));
    likelihood += weight[at(i)] * std::log(sum);
    for (Index c = 0; c < k; ++c) {
      const double r = weight[at(i)] * std::exp(truth.log_density(x.points().row(i), c)) / sum;
      count[at(c)] += r;
      for (Index p = 0; p < d; ++p) mean[at(c * d + p)] += r * x.points().row(i)[p];
    }
  }
  bool equal = near(moments.log_likelihood, likelihood, 1e-10);
  for (Index c = 0; c < k; ++c) {
    equal = equal && near(moments.weight[at(c)], count[at(c)], 1e-10);
    for (Index p = 0; p < d; ++p)
      equal = equal && near(moments.means[at(c * d + p)], mean[at(c * d + p)] / count[at(c)], 1e-8);
  }
  CHECK(equal);

  // factors of the covariances and back: S P P' = 1
  std::vector<double> covariances = moments.covariances;
  if (type == Covariance::full || type == Covariance::tied)
    for (std::size_t i = 0; i < covariances.size(); i += at(d * d))
      for (Index p = 0; p < d; ++p) covariances[i + at(p * d + p)] += 0.1;
  else
    for (double& value : covariances) value += 0.1;
  std::vector<double> factor(covariances.size());
  CHECK_EQUAL(precision_factors(type, k, d, covariances.data(), factor.data(), run), Index{-1});
  bool inverse = true;
  if (type == Covariance::full || type == Covariance::tied) {
    for (Index a = 0; a < d; ++a)
      for (Index b = 0; b < d; ++b) {
        double sum = 0;
        for (Index i = 0; i < d; ++i)
          for (Index j = 0; j < d; ++j)
            sum += covariances[at(a * d + i)] * factor[at(i * d + j)] * factor[at(b * d + j)];
        inverse = inverse && near(sum, a == b, 1e-8);
      }
    covariances[0] = -1;
    CHECK_EQUAL(precision_factors(type, k, d, covariances.data(), factor.data(), run), Index{0});
  }
  CHECK(inverse);
}

}  // namespace

TEST("Gaussian densities are those of the formula, on every level") {
  on_every_level([] {
    for (const Covariance type : types)
      for (const auto& [n, k, d] : {std::array<Index, 3>{1, 1, 1}, {37, 3, 2}, {70, 9, 5}, {21, 2, 17}}) {
        check_densities<float>(type, n, k, d);
        check_densities<double>(type, n, k, d);
      }
  });
}

TEST("moments of an EM step are those of the definition, on every level and in short blocks") {
  on_every_level([] {
    for (const Covariance type : types) {
      check_moments(type, 150, 3, 2);
      const ThreadLimit threads(2);
      const BlockLength length(7);
      check_moments(type, 61, 2, 5);
    }
  });
}
