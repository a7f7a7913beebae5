#include <cmath>

#include "mixture/consistency.hpp"
#include "mixture/local_covariance.hpp"
#include "mixture/seeds.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::mixture;
using shoal::tests::groups;
using shoal::tests::lattice;
using shoal::tests::Sample;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
neighbors::RTree<T> tree_of(const Sample<T>& x, Run& run) {
  return {x.points(), {}, 16, {neighbors::Metric::euclidean, 2}, run};
}

}  // namespace

TEST("wide open, the weights of a soft cut are those of a Gaussian alone") {
  // w = p / (p + a) is near 1 where p is far above a tiny a: the second moment is the covariance
  for (const Index d : {1, 2, 5, 20}) {
    const Consistency consistency(1e-40, d);
    CHECK(std::abs(consistency.factor(consistency.widest()) - 1) < 1e-4);
    CHECK(std::abs(consistency.sums(consistency.widest()).share - 1) < 1e-4);
    CHECK(consistency.narrowest() < consistency.widest());
    CHECK(consistency.weight(0) > 1 - 1e-9);
    CHECK_EQUAL(consistency.weight(2 * consistency.widest() * consistency.widest()), 0.0);
  }
}

TEST("the factor grows with the cut, from a ball's to the Gaussian's") {
  const Consistency consistency(0.1, 3);
  double before = 0;
  for (int i = 1; i <= 20; ++i) {
    const double factor = consistency.factor(consistency.widest() * i / 20);
    CHECK(factor > before);
    before = factor;
  }
  CHECK(before < 1);
}

TEST("covariances of round groups are round, whatever the number of points") {
  Run run;
  for (const Index n : {1, 3, 40, 6000}) {
    const Sample<double> x = groups<double>(n, 2, 1);
    const auto tree = tree_of(x, run);
    const std::vector<double> center{9 * std::cos(1.0), 9 * std::cos(2.0)};
    for (const bool paper_exact : {false, true}) {
      const CovarianceOptions options{paper_exact ? 1e-6 : 0.1, 0.6, 1e-6, 1e-4, 300, paper_exact};
      const auto found = local_covariances(tree, Points<const double>{center.data(), 1, 2}, options, run);
      CHECK_EQUAL(found.covariances.size(), 4u);
      CHECK_EQUAL(found.covariances[1], found.covariances[2]);
      CHECK(found.covariances[0] > 0 && found.covariances[3] > 0);
      if (n == 6000 && !paper_exact) {
        CHECK(found.converged);
        CHECK(std::abs(found.covariances[0] - 1) < 0.15);
        CHECK(std::abs(found.covariances[3] - 1) < 0.15);
        CHECK(std::abs(found.weight[0] - 6000) < 300);
      }
    }
  }
}

TEST("clusters side by side, among them empty ones and ones that coincide") {
  Run run;
  const Sample<float> x = groups<float>(900, 3, 3);
  const auto tree = tree_of(x, run);
  std::vector<double> centers(at(3 * 3 + 3 + 3), 100.0);
  for (Index c = 0; c < 3; ++c)
    for (Index p = 0; p < 3; ++p) centers[at(c * 3 + p)] = 9 * std::cos(static_cast<double>((c + 1) * (p + 1)));
  const auto found =
      local_covariances(tree, Points<const double>{centers.data(), 5, 3}, {0.1, 0.6, 1e-3, 1e-4, 300, false}, run);
  for (const double value : found.covariances) CHECK(std::isfinite(value));
}

TEST("distinct points are counted once") {
  Run run;
  CHECK_EQUAL(count_distinct(tree_of(groups<double>(1000, 2, 3), run), run), 1000.0);
  CHECK_EQUAL(count_distinct(tree_of(lattice<float>(5000, 2), run), run), 16.0);
}
