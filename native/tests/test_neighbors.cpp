#include <algorithm>
#include <numeric>

#include "neighbors/kd_tree.hpp"
#include "neighbors/mst.hpp"
#include "neighbors/mst_kd_tree.hpp"
#include "neighbors/r_tree.hpp"
#include "neighbors/tiles.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::neighbors;
using shoal::tests::groups;
using shoal::tests::lattice;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::sq_distance;
using shoal::tests::ThreadLimit;

namespace {

const Index numbers[] = {1, 2, 15, 16, 17, 130, 600};
const Index widths[] = {1, 2, 3, 4, 5, 9, 17};

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// Rows by (distance to row i of x, row).
template <class T>
std::vector<std::int32_t> by_distance(Points<const T> x, Index i, Points<const T> y) {
  std::vector<std::int32_t> rows(at(y.n_samples));
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](std::int32_t a, std::int32_t b) { return sq_distance(x, i, y, a) < sq_distance(x, i, y, b); });
  return rows;
}

/// The least edges by (weight, u, v) that join everything, by Kruskal's algorithm on all pairs.
template <class T>
std::vector<Edge<double>> all_pairs_tree(Points<const T> x, const std::vector<double>& core) {
  std::vector<Edge<double>> all;
  for (Index i = 0; i < x.n_samples; ++i)
    for (Index j = i + 1; j < x.n_samples; ++j)
      all.push_back({std::max({core[at(i)], core[at(j)], std::sqrt(sq_distance(x, i, x, j))}),
                     static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)});
  std::sort(all.begin(), all.end());
  Components components(x.n_samples);
  std::vector<Edge<double>> tree;
  for (const auto& edge : all)
    if (components.join(edge.u, edge.v)) tree.push_back(edge);
  return tree;
}

void check_tree(const SpanningTree& tree, const std::vector<Edge<double>>& expected) {
  CHECK_EQUAL(tree.u.size(), expected.size());
  for (std::size_t e = 0; e < std::min(tree.u.size(), expected.size()); ++e) {
    CHECK_EQUAL(tree.u[e], expected[e].u);
    CHECK_EQUAL(tree.v[e], expected[e].v);
    CHECK_EQUAL(tree.weight[e], expected[e].weight);
  }
}

template <class T>
void check_nearest(const Sample<T>& x, const Sample<T>& y) {
  const ThreadLimit two(2);
  Run run;
  const KDTree<T> tree(y.points(), {}, 16, {}, run);
  for (const Index k : {Index{1}, std::min<Index>(5, y.n), y.n}) {
    std::vector<T> distances(at(x.n * k));
    std::vector<std::int32_t> rows(at(x.n * k));
    k_nearest<T>(tree, x.points(), k, distances.data(), rows.data(), run);
    for (Index i = 0; i < x.n; i += 7) {
      const auto expected = by_distance(x.points(), i, y.points());
      for (Index j = 0; j < k; ++j) CHECK_EQUAL(rows[at(i * k + j)], expected[at(j)]);
    }
  }
}

}  // namespace

TEST("the k nearest of a k-d tree are those of all pairs, at every level") {
  on_every_level([] {
    for (const Index d : widths)
      for (const Index n : numbers) {
        check_nearest(lattice<double>(40, d, 2), lattice<double>(n, d));
        check_nearest(lattice<float>(40, d, 2), lattice<float>(n, d));
      }
  });
}

TEST("boxes of an R-tree weigh what is in them, at every level") {
  on_every_level([] {
    for (const Index d : widths)
      for (const Index n : numbers) {
        const Sample<double> x = lattice<double>(n, d);
        std::vector<double> weight(at(n));
        std::iota(weight.begin(), weight.end(), 1.0);
        Run run;
        const RTree<double> tree(x.points(), Weights<double>{weight.data()}, 16, {}, run);
        for (const double high : {-1.0, 1.0, 2.5, 3.0}) {
          const std::vector<double> from(at(d), 0.5), to(at(d), high);
          std::vector<double> sums(at(d));
          const double found = box_weight(tree, from.data(), to.data(), sums.data());
          double expected = 0, expected_sum = 0;
          for (Index i = 0; i < n; ++i) {
            const auto row = x.points()[i];
            if (!std::all_of(row.begin(), row.end(), [&](double v) { return v >= 0.5 && v <= high; })) continue;
            expected += weight[at(i)];
            expected_sum += weight[at(i)] * row[0];
          }
          CHECK_EQUAL(found, expected);
          CHECK_EQUAL(sums[0], expected_sum);
        }
      }
  });
}

TEST("the spanning trees of the k-d tree, of tiles and of a matrix are that of all pairs, at every level") {
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{5}, Index{17}})
      for (const Index n : {Index{2}, Index{17}, Index{150}})
        for (const bool tied : {false, true}) {
          const Sample<double> x = tied ? lattice<double>(n, d) : groups<double>(n, d, 3);
          Run run;
          const auto expected = all_pairs_tree(x.points(), std::vector<double>(at(n), 0.0));
          const KDTree<double> tree(x.points(), {}, 16, {}, run);
          check_tree(mst_kd_tree<double>(tree, 1, 1.0, std::span<double>{}, run), expected);
          Reachability reach;
          reach.min_samples = 1;
          const Space<double> space(Norm::euclidean, 2, x.points(), false, run);
          check_tree(mst_tiles(space, reach, run), expected);
          std::vector<double> matrix;
          for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < n; ++j) matrix.push_back(std::sqrt(sq_distance(x.points(), i, x.points(), j)));
          check_tree(mst_matrix(Points<const double>{matrix.data(), n, n}, reach, run), expected);
        }
  });
}

TEST("with core distances both spanning trees are that of mutual reachability") {
  for (const Index min_samples : {Index{2}, Index{5}, Index{30}}) {
    const Sample<double> x = groups<double>(120, 3, 4);
    std::vector<double> core(120);
    for (Index i = 0; i < 120; ++i)
      core[at(i)] = std::sqrt(
          sq_distance(x.points(), i, x.points(), by_distance(x.points(), i, x.points())[at(min_samples - 1)]));
    Run run;
    const auto expected = all_pairs_tree(x.points(), core);
    const KDTree<double> tree(x.points(), {}, 16, {}, run);
    std::vector<double> found(120);
    check_tree(mst_kd_tree<double>(tree, min_samples, 1.0, found, run), expected);
    CHECK(found == core);
    Reachability reach;
    reach.min_samples = static_cast<double>(min_samples);
    const SpanningTree tiles = mst_tiles(Space<double>(Norm::euclidean, 2, x.points(), false, run), reach, run);
    check_tree(tiles, expected);
    CHECK(tiles.core == core);
  }
}

TEST("merges of single linkage are components of the edges so far") {
  const std::vector<std::int32_t> u{0, 2, 1}, v{1, 3, 2};
  const std::vector<double> weight{1, 2, 3, 4};
  Run run;
  const SingleLinkage tree = single_linkage(u, v, Weights<double>{weight.data()}, run);
  CHECK((tree.left == std::vector<std::int32_t>{0, 2, 4}));
  CHECK((tree.right == std::vector<std::int32_t>{1, 3, 5}));
  CHECK((tree.size == std::vector<double>{3, 7, 10}));
}
