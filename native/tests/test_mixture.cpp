#include <algorithm>
#include <numbers>

#include "mixture/density.hpp"
#include "mixture/em.hpp"
#include "mixture/seeds.hpp"
#include "mixture/shift.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::mixture;
using shoal::tests::groups;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::sq_distance;
using shoal::tests::ThreadLimit;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// Means amid the rows, and upper triangular factors with a diagonal of 1/2 and 1/8 above it.
struct Model {
  Covariance type;
  Index k, d;
  std::vector<double> means, factor, log_weight;

  template <class T>
  Model(Covariance type_, Index k_, const Sample<T>& x) : type(type_), k(k_), d(x.d) {
    means.assign(x.values.begin(), x.values.begin() + k * d);
    const Index matrices = type == Covariance::full ? k : type == Covariance::tied ? 1 : 0;
    for (Index m = 0; m < matrices; ++m)
      for (Index a = 0; a < d; ++a)
        for (Index b = 0; b < d; ++b) factor.push_back(a == b ? 0.5 : a < b ? 0.125 : 0.0);
    if (matrices == 0) factor.assign(at(factor_size(type, k, d)), 0.5);
    for (Index c = 0; c < k; ++c) log_weight.push_back(std::log(static_cast<double>(c + 1)));
  }

  template <class T>
  Components<T> packed() const {
    return pack_components<T>(type, Points<const double>{means.data(), k, d}, factor.data(), log_weight.data());
  }

  /// log weight + log density of component c at x, from the definition.
  template <class T>
  double log_density(const T* x, Index c) const {
    double sum = 0;
    for (Index b = 0; b < d; ++b) {
      double y = 0;
      for (Index a = 0; a <= b; ++a) {
        const double by = static_cast<double>(x[a]) - means[at(c * d + a)];
        const bool triangle = type == Covariance::full || type == Covariance::tied;
        y += a == b ? by * 0.5 : triangle ? by * 0.125 : 0.0;
      }
      sum += y * y;
    }
    const auto dims = static_cast<double>(d);
    return log_weight[at(c)] + dims * std::log(0.5) - dims / 2 * std::log(2 * std::numbers::pi) - sum / 2;
  }
};

constexpr Covariance types[] = {Covariance::full, Covariance::tied, Covariance::diag, Covariance::spherical};

template <class T>
void check_densities(Covariance type, Index n, Index d, Index k) {
  const Sample<T> x = groups<T>(n, d, k);
  const Model model(type, k, x);
  Run run;
  std::vector<std::int32_t> label(at(n));
  std::vector<T> best(at(n)), log_sum(at(n)), matrix(at(n * k));
  Densities<T> out;
  out.label = label.data();
  out.best = best.data();
  out.log_sum = log_sum.data();
  out.matrix = matrix.data();
  log_densities(x.points(), model.packed<T>(), out, run);
  const double close = std::is_same_v<T, float> ? 1e-4 : 1e-11;
  for (Index i = 0; i < n; ++i) {
    double largest = -1e300, sum = 0;
    for (Index c = 0; c < k; ++c) {
      const double expected = model.log_density(x.points().row(i), c);
      CHECK(std::abs(static_cast<double>(matrix[at(i * k + c)]) - expected) <= close * (1 + std::abs(expected)));
      largest = std::max(largest, expected);
    }
    for (Index c = 0; c < k; ++c) sum += std::exp(model.log_density(x.points().row(i), c) - largest);
    const double expected = largest + std::log(sum);
    CHECK(std::abs(static_cast<double>(log_sum[at(i)]) - expected) <= close * (1 + std::abs(expected)));
    CHECK_EQUAL(best[at(i)], matrix[at(i * k + label[at(i)])]);
    CHECK_EQUAL(best[at(i)], *std::max_element(matrix.begin() + i * k, matrix.begin() + (i + 1) * k));
  }
}

template <class T>
void check_moments(Covariance type, Index n, Index d, Index k) {
  const Sample<T> x = groups<T>(n, d, k);
  const Model model(type, k, x);
  std::vector<T> weight(at(n));
  for (Index i = 0; i < n; ++i) weight[at(i)] = static_cast<T>(i % 3);
  Run run;
  const Scatter all = scatter(x.points(), Weights<T>{weight.data()}, run);
  const Moments found = em_moments(x.points(), Weights<T>{weight.data()}, model.packed<T>(), all, run);
  std::vector<double> sum(at(k)), mean(at(k * d));
  double log_likelihood = 0;
  for (Index i = 0; i < n; ++i) {
    double largest = -1e300, total = 0;
    for (Index c = 0; c < k; ++c) largest = std::max(largest, model.log_density(x.points().row(i), c));
    for (Index c = 0; c < k; ++c) total += std::exp(model.log_density(x.points().row(i), c) - largest);
    const auto w = static_cast<double>(weight[at(i)]);
    log_likelihood += w * (largest + std::log(total));
    for (Index c = 0; c < k; ++c) {
      const double resp = std::exp(model.log_density(x.points().row(i), c) - largest) / total;
      sum[at(c)] += w * resp;
      for (Index p = 0; p < d; ++p) mean[at(c * d + p)] += w * resp * static_cast<double>(x.points().row(i)[p]);
    }
  }
  const double close = std::is_same_v<T, float> ? 1e-3 : 1e-9;
  CHECK(std::abs(found.log_likelihood - log_likelihood) <= close * std::abs(log_likelihood));
  for (Index c = 0; c < k; ++c) {
    CHECK(std::abs(found.weight[at(c)] - sum[at(c)]) <= close * (1 + sum[at(c)]));
    if (sum[at(c)] < 1e-3) continue;
    for (Index p = 0; p < d; ++p)
      CHECK(std::abs(found.means[at(c * d + p)] - mean[at(c * d + p)] / sum[at(c)]) <= close * 30);
  }
}

}  // namespace

TEST("log densities are those of the definition for four kinds of covariance, at every level and shape") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Covariance type : types)
      for (const Index d : {Index{1}, Index{2}, Index{3}, Index{5}, Index{16}, Index{33}})
        for (const Index n : {Index{20}, Index{131}})
          for (const Index k : {Index{1}, Index{2}, Index{9}, Index{17}}) {
            check_densities<float>(type, n, d, k);
            check_densities<double>(type, n, d, k);
          }
  });
}

TEST("an EM step's sums are those of the definition, with weights, at every level") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Covariance type : types)
      for (const Index d : {Index{1}, Index{3}, Index{18}})
        for (const Index k : {Index{1}, Index{6}}) {
          check_moments<float>(type, 150, d, k);
          check_moments<double>(type, 150, d, k);
        }
  });
}

TEST("centroids that stay are means of their boxes, and no two are closer than the collision distance") {
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{4}}) {
      const Sample<double> x = groups<double>(400, d, 3);
      Run run;
      const neighbors::RTree<double> tree(x.points(), {}, 16, {}, run);
      const Seeds seeds = grid_seeds(tree, 4.0, run);
      double weight = 0;
      for (const double w : seeds.weight) weight += w;
      CHECK_EQUAL(weight, 400.0);
      const Points<const double> start{seeds.centers.data(), std::ssize(seeds.weight), d};
      const Shifted found = shift(tree, start, ShiftOptions{4.0, 4.0, 0.0, 500, false}, run);
      CHECK(found.converged);
      const Points<const double> centers{found.centers.data(), std::ssize(found.weight), d};
      for (Index c = 0; c < centers.n_samples; ++c) {
        for (Index other = 0; other < c; ++other) CHECK(sq_distance(centers, c, centers, other) >= 16.0);
        std::vector<double> mean(at(d));
        double inside = 0;
        for (Index i = 0; i < x.n; ++i) {
          bool in = true;
          for (Index p = 0; p < d; ++p) in = in && std::abs(x.points().row(i)[p] - centers.row(c)[p]) <= 2.0;
          inside += in;
          for (Index p = 0; p < d; ++p) mean[at(p)] += in ? x.points().row(i)[p] : 0.0;
        }
        CHECK_EQUAL(inside, found.weight[at(c)]);
        for (Index p = 0; p < d; ++p) CHECK(std::abs(mean[at(p)] / inside - centers.row(c)[p]) < 1e-9);
      }
    }
  });
}
