#include <algorithm>
#include <limits>

#include "exemplar/affinity_propagation.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::exemplar;
using shoal::tests::groups;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::sq_distance;
using shoal::tests::ThreadLimit;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// Minus the squared distances, `preference` on the diagonal.
std::vector<double> similarities(const Sample<double>& x, double preference) {
  std::vector<double> s;
  for (Index i = 0; i < x.n; ++i)
    for (Index k = 0; k < x.n; ++k) s.push_back(i == k ? preference : -sq_distance(x.points(), i, x.points(), k));
  return s;
}

/// The exemplars after so many iterations of the two messages, as the paper writes them.
std::vector<std::int64_t> plain_exemplars(const std::vector<double>& s, Index n, double damping, Index n_iter) {
  std::vector<double> a(s.size(), 0.0), r(s.size(), 0.0);
  for (Index iter = 0; iter < n_iter; ++iter) {
    for (Index i = 0; i < n; ++i)
      for (Index k = 0; k < n; ++k) {
        double rival = -std::numeric_limits<double>::infinity();
        for (Index o = 0; o < n; ++o)
          if (o != k) rival = std::max(rival, a[at(i * n + o)] + s[at(i * n + o)]);
        r[at(i * n + k)] = damping * r[at(i * n + k)] + (1 - damping) * (s[at(i * n + k)] - rival);
      }
    for (Index k = 0; k < n; ++k) {
      double all = 0;
      for (Index i = 0; i < n; ++i)
        if (i != k) all += std::max(0.0, r[at(i * n + k)]);
      for (Index i = 0; i < n; ++i) {
        const double others = all - (i == k ? 0.0 : std::max(0.0, r[at(i * n + k)]));
        const double next = i == k ? others : std::min(0.0, r[at(k * n + k)] + others);
        a[at(i * n + k)] = damping * a[at(i * n + k)] + (1 - damping) * next;
      }
    }
  }
  std::vector<std::int64_t> out;
  for (Index k = 0; k < n; ++k)
    if (a[at(k * n + k)] + r[at(k * n + k)] > 0) out.push_back(k);
  return out;
}

}  // namespace

TEST("as many exemplars as the messages of the paper make, at every level, from a matrix and from a graph") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index n : {Index{5}, Index{16}, Index{67}}) {
      const Sample<double> x = groups<double>(n, 2, 3);
      const std::vector<double> s = similarities(x, -60.0);
      const Settings settings{0.7, 150, 1000};
      Run run;
      const Exemplars found = affinity_propagation(Points<const double>{s.data(), n, n}, settings, run);
      CHECK_EQUAL(found.exemplars.size(), plain_exemplars(s, n, 0.7, 150).size());
      CHECK_EQUAL(found.n_iter, 150);
      std::vector<std::int32_t> column, start{0};
      for (Index i = 0; i < n; ++i) {
        for (Index k = 0; k < n; ++k) column.push_back(static_cast<std::int32_t>(k));
        start.push_back(static_cast<std::int32_t>(column.size()));
      }
      const Exemplars same = affinity_propagation(Graph<double>{s, column, start}, settings, run);
      CHECK(same.exemplars == found.exemplars);
      CHECK(same.labels == found.labels);
    }
  });
}
