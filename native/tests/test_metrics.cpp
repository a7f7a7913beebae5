#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "metrics/clusters.hpp"
#include "metrics/contingency.hpp"
#include "metrics/information.hpp"
#include "metrics/silhouette.hpp"
#include "random/philox.hpp"
#include "tests/check.hpp"
#include "tests/settings.hpp"

using namespace shoal;
using namespace shoal::metrics;
using distance::Metric;
using shoal::tests::BlockLength;
using shoal::tests::ThreadLimit;
using shoal::tests::UseLevel;

namespace {

/// Samples around k centres, cluster i % k, except that every 11th sample takes no part.
template <class T>
struct Data {
  Index n, d, k;
  std::vector<T> values, weight;
  std::vector<std::int32_t> cluster;

  Data(Index n_, Index d_, Index k_) : n(n_), d(d_), k(k_) {
    random::Stream stream(5, 0);
    for (Index i = 0; i < n; ++i) {
      cluster.push_back(i % 11 == 10 ? -1 : static_cast<std::int32_t>(i % k));
      weight.push_back(static_cast<T>(0.5 + stream.uniform()));
      for (Index p = 0; p < d; ++p)
        values.push_back(static_cast<T>(stream.normal() + 2 * std::cos(static_cast<double>((i % k) * (p + 1)))));
    }
  }
  Points<const T> points() const { return {values.data(), n, d}; }
  Labels labels() const { return {cluster, k}; }
};

double form(Metric metric, const double* x, const double* y, Index d) {
  double sq = 0, sum = 0, largest = 0;
  for (Index p = 0; p < d; ++p) {
    const double difference = std::abs(x[p] - y[p]);
    sq += difference * difference;
    sum += difference;
    largest = std::max(largest, difference);
  }
  switch (metric) {
    case Metric::euclidean:
      return std::sqrt(sq);
    case Metric::cosine:
      return sq / 2;  // of rows of length one
    case Metric::manhattan:
      return sum;
    case Metric::chebyshev:
      return largest;
    default:
      return sq;
  }
}

/// By the definition, from a whole row of distances at a time.
template <class T>
std::vector<double> slow_silhouette(Metric metric, const Data<T>& data, bool weighted) {
  const auto n = static_cast<std::size_t>(data.n), d = static_cast<std::size_t>(data.d);
  std::vector<double> rows(data.values.begin(), data.values.end());
  if (metric == Metric::cosine)
    for (std::size_t i = 0; i < n; ++i) {
      double sq = 0;
      for (std::size_t p = 0; p < d; ++p) sq += rows[i * d + p] * rows[i * d + p];
      for (std::size_t p = 0; p < d; ++p) rows[i * d + p] /= std::sqrt(sq);
    }
  std::vector<double> total(static_cast<std::size_t>(data.k)), result(n, std::numeric_limits<double>::quiet_NaN());
  const auto weight = [&](std::size_t i) { return weighted ? static_cast<double>(data.weight[i]) : 1.0; };
  for (std::size_t i = 0; i < n; ++i)
    if (data.cluster[i] >= 0) total[static_cast<std::size_t>(data.cluster[i])] += weight(i);
  for (std::size_t i = 0; i < n; ++i) {
    if (data.cluster[i] < 0) continue;
    std::vector<double> sum(total.size());
    for (std::size_t j = 0; j < n; ++j)
      if (data.cluster[j] >= 0)
        sum[static_cast<std::size_t>(data.cluster[j])] +=
            weight(j) * form(metric, rows.data() + i * d, rows.data() + j * d, data.d);
    const auto own = static_cast<std::size_t>(data.cluster[i]);
    const double rest = total[own] - std::min(weight(i), 1.0);
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < total.size(); ++c)
      if (c != own) nearest = std::min(nearest, sum[c] / total[c]);
    const double a = rest > 0 ? sum[own] / rest : 0;
    result[i] = rest > 0 && std::max(a, nearest) > 0 ? (nearest - a) / std::max(a, nearest) : 0;
  }
  return result;
}

template <class T>
std::vector<double> fast_silhouette(Metric metric, const Data<T>& data, bool weighted, int n_threads) {
  const ThreadLimit limit(n_threads);
  std::vector<double> s(static_cast<std::size_t>(data.n));
  Run run;
  silhouette<T>(metric, data.points(), {weighted ? data.weight.data() : nullptr}, data.labels(), s, run);
  return s;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    largest = std::isnan(a[i]) || std::isnan(b[i]) ? 1e9 : std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

template <class T>
void check_silhouettes(Index n, Index d, Index k) {
  const Data<T> data(n, d, k);
  for (const Metric metric :
       {Metric::euclidean, Metric::sq_euclidean, Metric::cosine, Metric::manhattan, Metric::chebyshev})
    for (const bool weighted : {false, true}) {
      const auto expected = slow_silhouette(metric, data, weighted);
      const auto one = fast_silhouette(metric, data, weighted, 1);
      CHECK(largest_difference(one, expected) < (sizeof(T) == 4 ? 1e-4 : 1e-11));
      CHECK(same_bits(fast_silhouette(metric, data, weighted, 3), one));
    }
}

using Cells = std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t>;

/// The cells of a table, labels numbered from 0 in ascending order.
template <class Label>
Cells slow_cells(const std::vector<Label>& a, const std::vector<Label>& b) {
  const auto rank = [](const std::vector<Label>& labels, Label label) {
    std::vector<Label> distinct(labels);
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    return std::lower_bound(distinct.begin(), distinct.end(), label) - distinct.begin();
  };
  Cells cells;
  for (std::size_t i = 0; i < a.size(); ++i) ++cells[{rank(a, a[i]), rank(b, b[i])}];
  return cells;
}

template <class Label>
void check_contingency(const std::vector<Label>& a, const std::vector<Label>& b) {
  const Cells expected = slow_cells(a, b);
  for (const int n_threads : {1, 3}) {
    const ThreadLimit limit(n_threads);
    for (const std::vector<std::int64_t>& weight :
         {std::vector<std::int64_t>{}, std::vector<std::int64_t>(a.size(), 3)}) {
      Run run;
      const auto table = contingency<Label, std::int64_t>(a, b, weight, run);
      const std::int64_t times = weight.empty() ? 1 : 3;
      CHECK_EQUAL(table.count.size(), expected.size());
      std::size_t at = 0;
      for (std::size_t r = 0; r + 1 < table.row_start.size(); ++r)
        for (auto i = static_cast<std::size_t>(table.row_start[r]);
             i < static_cast<std::size_t>(table.row_start[r + 1]); ++i, ++at) {
          const auto cell = expected.find({static_cast<std::int64_t>(r), table.column[i]});
          CHECK(cell != expected.end() && cell->second * times == table.count[i]);
        }
      CHECK_EQUAL(at, expected.size());
    }
  }
}

}  // namespace

TEST("silhouettes of every level, shape and thread number are those of the definition") {
  for (const simd::Level level : simd::available()) {
    const UseLevel use(level);
    check_silhouettes<double>(90, 3, 3);   // each pair once
    check_silhouettes<float>(90, 17, 2);   // a tail of features
    check_silhouettes<double>(80, 2, 30);  // one-sided: clusters smaller than a panel
    check_silhouettes<float>(80, 5, 39);   // clusters of one or two
    const BlockLength blocks(4);
    check_silhouettes<double>(61, 1, 4);  // pieces of four, an odd or even number of them
    check_silhouettes<float>(50, 8, 5);
  }
}

TEST("a matrix of distances has the silhouette of its samples") {
  const Data<double> data(50, 3, 4);
  std::vector<double> distances;
  for (Index i = 0; i < data.n; ++i)
    for (Index j = 0; j < data.n; ++j)
      distances.push_back(form(Metric::manhattan, data.points().row(i), data.points().row(j), data.d));
  std::vector<double> s(static_cast<std::size_t>(data.n));
  Run run;
  matrix_silhouette<double>({distances.data(), data.n, data.n}, {data.weight.data()}, data.labels(), s, run);
  CHECK(largest_difference(s, slow_silhouette(Metric::manhattan, data, true)) < 1e-12);
}

TEST("simplified silhouettes compare distances to centres") {
  const Data<double> data(70, 2, 3);
  const std::vector<double> centers{0, 0, 1, 1, -1, 2};
  for (const simd::Level level : simd::available()) {
    const UseLevel use(level);
    std::vector<double> s(static_cast<std::size_t>(data.n));
    Run run;
    simplified_silhouette<double>(Metric::manhattan, data.points(), {centers.data(), 3, 2}, {}, data.labels(), s, run);
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (data.cluster[i] < 0) {
        CHECK(std::isnan(s[i]));
        continue;
      }
      double own = 0, nearest = 1e9;
      for (std::int32_t c = 0; c < 3; ++c) {
        const double to = form(Metric::manhattan, data.values.data() + 2 * i, centers.data() + 2 * c, 2);
        (c == data.cluster[i] ? own : nearest) = c == data.cluster[i] ? to : std::min(nearest, to);
      }
      CHECK(std::abs(s[i] - (nearest - own) / std::max(own, nearest)) < 1e-14);
    }
  }
}

TEST("the centroid of equal samples is where they are, and disperses nothing") {
  const std::vector<double> x{0.1, 0.7, 0.1, 0.7, 0.1, 0.7, 0.3, 0.2, 0.3, 0.2};
  const std::vector<std::int32_t> cluster{0, 0, 0, 1, 1};
  const Labels labels{cluster, 2};
  Run run;
  const Centroids means = centroids<double>({x.data(), 5, 2}, {}, labels, run);
  const auto within = spread<double>({x.data(), 5, 2}, {}, labels, means, false, run);
  CHECK_EQUAL(within[0], 0.0);
  CHECK_EQUAL(within[1], 0.0);
  CHECK_EQUAL(calinski_harabasz(means, within), 1.0);
  CHECK_EQUAL(davies_bouldin(means, within, run), 0.0);
}

TEST("every way of counting makes the same table") {
  random::Stream stream(3, 0);
  std::vector<std::int64_t> small, wide, many, extreme;
  for (int i = 0; i < 1500; ++i) {
    const double u = stream.uniform();
    small.push_back(static_cast<std::int64_t>(u * 9) - 4);
    wide.push_back(static_cast<std::int64_t>(u * 700) * 1'000'000'007 - 5);
    many.push_back(static_cast<std::int64_t>(stream.uniform() * 1500));
    extreme.push_back(i % 3 == 0   ? std::numeric_limits<std::int64_t>::min()
                      : i % 3 == 1 ? std::numeric_limits<std::int64_t>::max()
                                   : i);
  }
  for (const auto& a : {small, wide, many, extreme})
    for (const auto& b : {small, wide, many, extreme}) check_contingency(a, b);
  check_contingency<std::int32_t>({-2147483647, 5, 5, 2147483647}, {1, 1, 2, 3});
}

TEST("records are numbered in the order of their first appearance") {
  std::vector<unsigned char> bytes;
  for (int i = 0; i < 5000; ++i)
    for (int byte = 0; byte < 11; ++byte) bytes.push_back(static_cast<unsigned char>((i % 1700) >> (byte % 3 * 4)));
  Run run;
  const CodedRecords coded = encode_records(bytes, 11, run);
  CHECK_EQUAL(coded.first.size(), std::size_t{1700});
  for (std::size_t i = 0; i < coded.codes.size(); ++i) CHECK_EQUAL(coded.codes[i], static_cast<std::int32_t>(i % 1700));
}

TEST("expected information of two halves") {
  // four samples, two and two: cells are 0, 1, 2 with probabilities 1/6, 4/6, 1/6, and E[MI] is log(2) / 3
  const std::vector<std::int64_t> halves{2, 2};
  Run run;
  CHECK(std::abs(expected_mutual_information(halves, halves, run) - std::log(2.0) / 3) < 1e-15);
}
