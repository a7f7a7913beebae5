#include <algorithm>
#include <limits>

#include "hierarchy/chain.hpp"
#include "hierarchy/generic.hpp"
#include "hierarchy/leaf_order.hpp"
#include "hierarchy/rounds.hpp"
#include "hierarchy/single.hpp"
#include "hierarchy/ward.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::hierarchy;
using shoal::tests::groups;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::sq_distance;
using shoal::tests::ThreadLimit;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// Heights of the merges by the definition: the two nearest clusters, again and again, on all distances.
std::vector<double> plain_heights(Points<const double> x, Update update, bool single) {
  const Index n = x.n_samples;
  std::vector<double> distance(at(n * n)), size(at(n), 1.0), heights;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) distance[at(i * n + j)] = std::sqrt(sq_distance(x, i, x, j));
  std::vector<char> gone(at(n), 0);
  while (std::ssize(heights) < n - 1) {
    Index a = -1, b = -1;
    for (Index i = 0; i < n; ++i)
      for (Index j = i + 1; j < n; ++j)
        if (!gone[at(i)] && !gone[at(j)] && (a < 0 || distance[at(i * n + j)] < distance[at(a * n + b)])) a = i, b = j;
    const double apart = distance[at(a * n + b)];
    heights.push_back(apart);
    gone[at(a)] = 1;
    const double na = size[at(a)], nb = size[at(b)];
    for (Index k = 0; k < n; ++k) {
      if (gone[at(k)] || k == b) continue;
      const double to_a = distance[at(a * n + k)], to_b = distance[at(b * n + k)], nk = size[at(k)];
      double to = 0;
      if (single)
        to = std::min(to_a, to_b);
      else if (update == Update::complete)
        to = std::max(to_a, to_b);
      else if (update == Update::average)
        to = (na * to_a + nb * to_b) / (na + nb);
      else if (update == Update::weighted)
        to = (to_a + to_b) / 2;
      else if (update == Update::ward)
        to = std::sqrt(((nk + na) * to_a * to_a + (nk + nb) * to_b * to_b - nk * apart * apart) / (nk + na + nb));
      else if (update == Update::centroid)
        to = std::sqrt(
            std::max(0.0, (na * to_a * to_a + nb * to_b * to_b - na * nb * apart * apart / (na + nb)) / (na + nb)));
      else
        to = std::sqrt(std::max(0.0, to_a * to_a / 2 + to_b * to_b / 2 - apart * apart / 4));
      distance[at(b * n + k)] = distance[at(k * n + b)] = to;
    }
    size[at(b)] = na + nb;
  }
  return heights;
}

void check_heights(std::vector<Merge>&& merges, std::vector<double> expected, bool sort) {
  const Tree tree = tree_of(std::move(merges), {}, sort);
  if (sort) std::sort(expected.begin(), expected.end());
  CHECK_EQUAL(tree.height.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(std::abs(tree.height[i] - expected[i]) <= 1e-9 * (1 + expected[i]));
  CHECK_EQUAL(tree.size.back(), static_cast<double>(expected.size() + 1));
}

}  // namespace

TEST("the merges of seven linkages are at the heights of their definitions, from rows and from distances") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{6}, Index{17}})
      for (const Index n : {Index{2}, Index{3}, Index{18}, Index{100}}) {
        const Sample<double> x = groups<double>(n, d, 3);
        Run run;
        const Metric metric;
        for (const Update update : {Update::complete, Update::average, Update::weighted, Update::ward}) {
          Triangle<double> triangle(metric, x.points(), run);
          check_heights(merge_by_chain(update, triangle, {}, run), plain_heights(x.points(), update, false), true);
        }
        for (const Update update : {Update::complete, Update::average, Update::weighted}) {
          check_heights(merge_by_rounds<double>(update, metric, x.points(), {}, 1e-9, run),
                        plain_heights(x.points(), update, false), true);
        }
        for (const Update update : {Update::centroid, Update::median}) {
          Triangle<double> triangle(metric, x.points(), run);
          const auto expected = plain_heights(x.points(), update, false);
          check_heights(merge_by_heap(update, triangle, {}, run), expected, false);
          check_heights(merge_by_heap(update, x.points(), {}, run), expected, false);
        }
        for (const double fewest : {0.0, 0.1, 1.0})
          check_heights(merge_ward(x.points(), {}, {fewest}, run), plain_heights(x.points(), Update::ward, false),
                        true);
        check_heights(merge_single(metric, x.points(), run), plain_heights(x.points(), Update::complete, true), true);
      }
  });
}

namespace {

/// The sum of the distances between neighbours when the flags are followed.
template <class T>
double way(const Tree& tree, const std::vector<std::uint8_t>& swapped, const std::vector<T>& condensed) {
  const Index n = std::ssize(tree.left) + 1;
  std::vector<Index> todo{2 * n - 2}, order;
  while (!todo.empty()) {
    const Index node = todo.back();
    todo.pop_back();
    if (node < n) {
      order.push_back(node);
      continue;
    }
    Index first = tree.left[at(node - n)], second = tree.right[at(node - n)];
    if (swapped[at(node - n)]) std::swap(first, second);
    todo.push_back(second);
    todo.push_back(first);
  }
  double sum = 0;
  for (Index i = 1; i < n; ++i) {
    const Index a = std::min(order[at(i - 1)], order[at(i)]), b = std::max(order[at(i - 1)], order[at(i)]);
    sum += static_cast<double>(condensed[at(a * (2 * n - a - 1) / 2 + b - a - 1)]);
  }
  return sum;
}

template <class T>
void check_leaf_order(Index n) {
  const Sample<double> x = groups<double>(n, 1, 3);
  std::vector<T> condensed;
  double low = x.points().row(0)[0], high = low;
  for (Index i = 0; i < n; ++i) {
    low = std::min(low, x.points().row(i)[0]);
    high = std::max(high, x.points().row(i)[0]);
    for (Index j = i + 1; j < n; ++j)
      condensed.push_back(static_cast<T>(std::abs(x.points().row(i)[0] - x.points().row(j)[0])));
  }
  Run run;
  Triangle<double> triangle(Metric{}, x.points(), run);
  const Tree tree = tree_of(merge_by_chain(Update::complete, triangle, {}, run), {}, true);
  const auto flags = order_leaves<T>(tree.left, tree.right, condensed, run);
  // clusters of complete linkage on a line are intervals: the shortest way goes along the line
  CHECK(std::abs(way(tree, flags, condensed) - (high - low)) <= 1e-5 * (high - low));
  CHECK_EQUAL(flags.back(), std::uint8_t{0});
}

}  // namespace

TEST("leaves of points on a line are ordered along it, at every level and by two threads") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index n : {Index{2}, Index{3}, Index{9}, Index{40}, Index{700}}) {
      check_leaf_order<double>(n);
      check_leaf_order<float>(n);
    }
  });
}
