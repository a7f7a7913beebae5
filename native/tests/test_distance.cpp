#include <algorithm>
#include <limits>
#include <numeric>

#include "distance/brute.hpp"
#include "distance/codes.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::distance;
using shoal::tests::lattice;
using shoal::tests::on_every_level;
using shoal::tests::Sample;
using shoal::tests::ThreadLimit;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
double plain(Metric metric, const T* x, const T* y, Index d) {
  double sum = 0;
  for (Index p = 0; p < d; ++p) {
    const double by = std::abs(static_cast<double>(x[p]) - static_cast<double>(y[p]));
    if (metric == Metric::chebyshev)
      sum = std::max(sum, by);
    else
      sum += metric == Metric::manhattan ? by : by * by;
  }
  return metric == Metric::euclidean ? std::sqrt(sum) : sum;
}

template <class T>
void check_pairs(Index n, Index m, Index d) {
  const Sample<T> x = lattice<T>(n, d);
  const Sample<T> y = lattice<T>(m, d, 2);
  Run run;
  for (const Metric metric : {Metric::euclidean, Metric::sq_euclidean, Metric::manhattan, Metric::chebyshev}) {
    std::vector<T> out(at(n * m));
    pairwise(metric, x.points(), y.points(), out.data(), run);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < m; ++j)
        CHECK(std::abs(static_cast<double>(out[at(i * m + j)]) -
                       plain(metric, x.points().row(i), y.points().row(j), d)) <= 1e-6 * static_cast<double>(d));
    const Index k = std::min<Index>(3, m);
    std::vector<T> distances(at(n * k));
    std::vector<std::int32_t> rows(at(n * k));
    k_nearest(metric, x.points(), y.points(), k, distances.data(), rows.data(), run);
    std::vector<double> count(at(n));
    count_within(metric, x.points(), y.points(), {}, T{1.5}, count, run);
    for (Index i = 0; i < n; ++i) {
      std::vector<std::int32_t> order(at(m));
      std::iota(order.begin(), order.end(), 0);
      const auto distance = [&](std::int32_t j) { return plain(metric, x.points().row(i), y.points().row(j), d); };
      std::stable_sort(order.begin(), order.end(),
                       [&](std::int32_t a, std::int32_t b) { return distance(a) < distance(b); });
      for (Index j = 0; j < k; ++j) CHECK_EQUAL(rows[at(i * k + j)], order[at(j)]);
      CHECK_EQUAL(count[at(i)], static_cast<double>(std::count_if(order.begin(), order.end(),
                                                                  [&](std::int32_t j) { return distance(j) <= 1.5; })));
    }
  }
  std::vector<std::int32_t> label(at(n));
  nearest<T>(x.points(), y.points(), nullptr, label, {}, run);
  for (Index i = 0; i < n; ++i) {
    Index best = 0;
    const auto sq = [&](Index j) { return plain(Metric::sq_euclidean, x.points().row(i), y.points().row(j), d); };
    for (Index j = 1; j < m; ++j)
      if (sq(j) < sq(best)) best = j;
    CHECK_EQUAL(label[at(i)], static_cast<std::int32_t>(best));
  }
}

}  // namespace

TEST("distances, counts and nearest rows are those of single pairs, at every level and shape") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{3}, Index{4}, Index{7}, Index{8}, Index{16}, Index{33}})
      for (const Index n : {Index{1}, Index{31}, Index{70}})
        for (const Index m : {Index{1}, Index{5}, Index{40}}) {
          check_pairs<float>(n, m, d);
          check_pairs<double>(n, m, d);
        }
  });
}

TEST("codes are screened as sums of whole numbers say, the largest codes too, at every level") {
  on_every_level([] {
    const int n_codes = distance::screen_kernel().n_codes;
    if (n_codes == 0) return;
    const random::Stream stream(5, 0);
    for (const Index n_words : {Index{1}, Index{8}, Index{13}})
      for (const Index n_queries : {Index{1}, Index{7}, Index{8}, Index{11}, Index{16}}) {
        const Index n = 3 * distance::code_lanes;
        const Index d = 4 * n_words;
        random::Stream own = stream;
        const auto code = [&] {  // every third is as small or as large as can be
          const double u = own.uniform() * 1.5;
          return u < 1 ? static_cast<int>(u * n_codes) : u < 1.25 ? 0 : n_codes - 1;
        };
        std::vector<std::uint8_t> codes(at(n * d));
        std::vector<std::int32_t> offset(at(n), 0), expected(at(n * n_queries), 0), query_offset(at(n_queries), 0);
        std::vector<int> x(at(n * d)), y(at(n_queries * d));
        std::vector<std::int8_t> queries(at(n_queries * d));
        for (Index i = 0; i < n; ++i)
          for (Index p = 0; p < d; ++p) {
            const int value = x[at(i * d + p)] = code();
            codes[at(distance::code_place(i, p, n_words))] = static_cast<std::uint8_t>(value);
            offset[at(i)] += value * value - n_codes * value;
          }
        for (Index t = 0; t < n_queries; ++t)
          for (Index p = 0; p < d; ++p) {
            const int value = y[at(t * d + p)] = code();
            queries[at(t * d + p)] = static_cast<std::int8_t>(value - n_codes / 2);
            query_offset[at(t)] += value * value;
          }
        std::vector<float> root(at(n)), slack(at(n_queries), 0.5f);
        for (float& r : root) r = static_cast<float>(own.uniform()) * static_cast<float>(n_codes) * 6;
        std::vector<std::uint16_t> near(at(n), 0xffff);
        const Index n_open = distance::screen_kernel().screen(
            codes.data(), n / distance::code_lanes, n_words, offset.data(), root.data(), queries.data(),
            query_offset.data(), slack.data(), n_queries, 1, near.data());
        Index count = 0;
        for (Index i = 0; i < n; ++i) {
          unsigned bits = 0;
          for (Index t = 0; t < n_queries; ++t) {
            int sq = 0;
            for (Index p = 0; p < d; ++p) {
              const int difference = x[at(i * d + p)] - y[at(t * d + p)];
              sq += difference * difference;
            }
            const float limit = root[at(i)] + slack[at(t)];
            if (static_cast<float>(sq) < limit * limit) bits |= 1u << t, ++count;
          }
          CHECK_EQUAL(static_cast<unsigned>(near[at(i)]), bits);
        }
        CHECK_EQUAL(n_open, count);
      }
  });
}
