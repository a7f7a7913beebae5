#include <algorithm>
#include <limits>

#include "density/condensed_tree.hpp"
#include "density/dbscan.hpp"
#include "density/optics.hpp"
#include "neighbors/spanning_tree.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::density;
using shoal::tests::groups;
using shoal::tests::lattice;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::sq_distance;
using shoal::tests::ThreadLimit;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// From the definition: components of core samples numbered by their first, others take the smallest number around.
std::vector<std::int32_t> plain_dbscan(Points<const double> x, double eps, Index min_samples) {
  const Index n = x.n_samples;
  const auto near = [&](Index i, Index j) { return sq_distance(x, i, x, j) <= eps * eps; };
  std::vector<char> core(at(n));
  for (Index i = 0; i < n; ++i) {
    Index around = 0;
    for (Index j = 0; j < n; ++j) around += near(i, j);
    core[at(i)] = around >= min_samples;
  }
  neighbors::Components components(n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < i; ++j)
      if (core[at(i)] && core[at(j)] && near(i, j))
        components.join(static_cast<std::int32_t>(i), static_cast<std::int32_t>(j));
  std::vector<std::int32_t> label_of(at(n), -1), out(at(n), -1);
  std::int32_t count = 0;
  for (Index i = 0; i < n; ++i) {
    if (!core[at(i)]) continue;
    std::int32_t& label = label_of[at(components.find(static_cast<std::int32_t>(i)))];
    if (label < 0) label = count++;
    out[at(i)] = label;
  }
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n && !core[at(i)]; ++j)
      if (core[at(j)] && near(i, j) && (out[at(i)] < 0 || out[at(j)] < out[at(i)])) out[at(i)] = out[at(j)];
  return out;
}

/// From the definition, all rows at every step.
std::vector<std::int64_t> plain_optics(Points<const double> x, Index min_samples, double max_eps) {
  const Index n = x.n_samples;
  constexpr double inf = std::numeric_limits<double>::infinity();
  const auto distance = [&](Index i, Index j) { return round_distance(std::sqrt(sq_distance(x, i, x, j))); };
  std::vector<double> reachability(at(n), inf);
  std::vector<char> done(at(n), 0);
  std::vector<std::int64_t> ordering;
  while (std::ssize(ordering) < n) {
    Index next = -1;
    for (Index i = 0; i < n; ++i)
      if (!done[at(i)] && (next < 0 || reachability[at(i)] < reachability[at(next)])) next = i;
    done[at(next)] = 1;
    ordering.push_back(next);
    std::vector<double> row;
    for (Index j = 0; j < n; ++j) row.push_back(distance(next, j));
    std::vector<double> sorted = row;
    std::sort(sorted.begin(), sorted.end());
    const double core = sorted[at(min_samples - 1)];
    if (core > max_eps) continue;
    for (Index j = 0; j < n; ++j)
      if (!done[at(j)] && row[at(j)] <= max_eps)
        reachability[at(j)] = std::min(reachability[at(j)], std::max(core, row[at(j)]));
  }
  return ordering;
}

}  // namespace

TEST("DBSCAN's labels are those of its definition, at every level") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{3}, Index{7}, Index{20}, Index{70}})
      for (const Index n : {Index{1}, Index{33}, Index{400}})
        for (const bool tied : {false, true}) {
          const Sample<double> x = tied ? lattice<double>(n, d) : groups<double>(n, d, 4);
          const double eps = tied ? 1.0 : 0.9 * std::sqrt(static_cast<double>(d));
          Run run;
          const auto found = dbscan<double>(x.points(), {}, reach_of("euclidean", eps, 2), 4, run);
          CHECK(found.labels == plain_dbscan(x.points(), eps, 4));
        }
  });
}

TEST("both searches of OPTICS give the order of its definition, at every level") {
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{5}})
      for (const double max_eps : {0.8, 2.0, std::numeric_limits<double>::infinity()})
        for (const bool tied : {false, true}) {
          const Sample<double> x = tied ? lattice<double>(130, d) : groups<double>(130, d, 3);
          const auto expected = plain_optics(x.points(), 4, max_eps);
          for (const OpticsSearch search : {OpticsSearch::rows, OpticsSearch::tree}) {
            Run run;
            CHECK(optics<double>(x.points(), "euclidean", 2, 4, max_eps, search, run).ordering == expected);
          }
        }
  });
}

TEST("two groups and a far point condense to a root with two clusters") {
  // points 0 .. 2 and 3 .. 5 at distance 1 within, 4 between, point 6 at distance 9
  const std::vector<std::int32_t> u{0, 1, 3, 4, 2, 5}, v{1, 2, 4, 5, 3, 6};
  const std::vector<double> height{1, 1, 1, 1, 4, 9}, core(7, 1.0);
  Run run;
  const auto merges = neighbors::single_linkage(u, v, {}, run);
  const Linkage linkage{u, v, height, merges.left, merges.right, merges.size, core, {}};
  const CondensedTree tree = condense(linkage, 3, run);
  CHECK((tree.parent == std::vector<std::int32_t>{-1, 0, 0}));
  CHECK((tree.birth == std::vector<double>{0, 0.25, 0.25}));
  CHECK((tree.size == std::vector<double>{7, 3, 3}));
  CHECK((tree.point_cluster == std::vector<std::int32_t>{1, 1, 1, 2, 2, 2, 0}));
  CHECK_EQUAL(tree.point_lambda[6], 1.0 / 9);
}
