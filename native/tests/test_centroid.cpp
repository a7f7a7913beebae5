#include <algorithm>
#include <cmath>

#include "centroid/bisecting.hpp"
#include "centroid/draw_kernels.hpp"
#include "centroid/kmeans.hpp"
#include "centroid/minibatch.hpp"
#include "centroid/row_kernels.hpp"
#include "centroid/seeding.hpp"
#include "centroid/update.hpp"
#include "tests/data.hpp"

using namespace shoal;
using namespace shoal::centroid;
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

template <class T>
std::vector<T> rows_of(const Sample<T>& x, const std::vector<Index>& rows) {
  std::vector<T> out;
  for (const Index i : rows) out.insert(out.end(), x.points().row(i), x.points().row(i) + x.d);
  return out;
}

template <class T>
void check_kmeans(Index n, Index d, Index k) {
  const Sample<T> x = groups<T>(n, d, k);
  Run run;
  const std::vector<T> start = rows_of(x, kmeans_plusplus(Rows<T>(x.points()), {}, k, 0, random::Stream(1, 0), run));
  KMeansOptions options;
  options.algorithm = Algorithm::lloyd;
  const auto lloyd = kmeans_fit<T>(Rows<T>(x.points()), {}, {start.data(), k, d}, options, run);
  const Points<const T> centers{lloyd.centers.data(), k, d};
  for (Index i = 0; i < n; ++i) {
    const double own = sq_distance(x.points(), i, centers, lloyd.labels[at(i)]);
    for (Index c = 0; c < k; ++c) CHECK(own <= sq_distance(x.points(), i, centers, c) * (1 + 1e-4) + 1e-4);
  }
  for (const Algorithm other : {Algorithm::elkan, Algorithm::hamerly, Algorithm::yinyang}) {
    options.algorithm = other;
    const auto found = kmeans_fit<T>(Rows<T>(x.points()), {}, {start.data(), k, d}, options, run);
    CHECK(found.labels == lloyd.labels);
    CHECK(found.centers == lloyd.centers);
  }
}

}  // namespace

TEST("every k-means algorithm ends where Lloyd's does, at the nearest centres, at every level") {
  const ThreadLimit two(2);
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{3}, Index{8}, Index{19}, Index{40}})
      for (const Index k : {Index{1}, Index{2}, Index{7}, Index{33}}) {
        check_kmeans<float>(211, d, k);
        check_kmeans<double>(211, d, k);
      }
  });
}

TEST("large samples with few centres, by codes of 16 bits, are labelled as by Elkan's bounds, at every level") {
  const Index d = 259;                       // fills no vector
  const Index n = (Index{1} << 22) / d + 1;  // 16 MiB
  const Sample<float> x = groups<float>(n, d, 3);
  const std::vector<float> start = rows_of(x, {0, 1, n - 1});
  const auto labels = [&](Algorithm algorithm) {
    Run run;
    KMeansOptions options;
    options.max_iter = 4;
    options.algorithm = algorithm;
    return kmeans_fit<float>(Rows<float>(x.points()), {}, {start.data(), 3, d}, options, run).labels;
  };
  const auto expected = labels(Algorithm::elkan);
  on_every_level([&] { CHECK(labels(Algorithm::lloyd) == expected); });
}

TEST("bisecting labels are what its tree says of the samples, at every level") {
  on_every_level([] {
    for (const Index d : {Index{1}, Index{2}, Index{3}, Index{17}, Index{300}})
      for (const Index n : {Index{9}, Index{130}, d == 3 ? Index{5000} : Index{700}}) {
        const Sample<float> x = groups<float>(n, d, 5);
        BisectingOptions options;
        options.n_clusters = 6;
        Run run;
        const auto found = bisecting_fit<float>(Rows<float>(x.points()), {}, options, {}, run);
        const Points<const float> centers{found.tree.centers.data(), std::ssize(found.tree.child), d};
        std::vector<std::int32_t> labels(at(n));
        bisecting_assign<float>(Rows<float>(x.points()), found.tree.child, centers, labels, run);
        CHECK(labels == found.labels);
        CHECK_EQUAL(*std::max_element(labels.begin(), labels.end()), 5);
      }
  });
}

TEST("whole numbers give the same starts at every level, screened by codes or not, weighted or not") {
  for (const Index d : {Index{3}, Index{12}, Index{33}, Index{70}})
    for (const Index n_draws : {Index{2}, Index{5}, Index{11}}) {
      const Sample<float> x = lattice<float>(700, d, 9);
      std::vector<float> weight(700);
      for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(1 + i % 3);
      for (const float* w : {static_cast<const float*>(nullptr), static_cast<const float*>(weight.data())}) {
        const auto starts = [&] {
          Run run;
          return kmeans_plusplus(Rows<float>(x.points()), Weights<float>{w}, 40, n_draws, random::Stream(3, 0), run);
        };
        const auto expected = [&] {
          const shoal::tests::UseLevel scalar(simd::Level::scalar);
          return starts();
        }();
        on_every_level([&] { CHECK(starts() == expected); });
      }
    }
}

TEST("moments are the weighted means and variances, at every level; who knows them starts with the same rows") {
  on_every_level([] {
    for (const Index d : {Index{1}, Index{9}, Index{37}}) {
      const Index n = 4096 + 13;  // two blocks, the last rows one by one
      const Sample<float> x = groups<float>(n, d, 4);
      std::vector<float> weight(at(n));
      for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 5) / 2;
      for (const float* w : {static_cast<const float*>(nullptr), static_cast<const float*>(weight.data())}) {
        const Rows<float> rows(x.points());
        Run run;
        const Moments found = moments(rows, Weights<float>{w}, run);
        double variance = 0;
        for (Index p = 0; p < d; ++p) {
          double total = 0, sum = 0, sq = 0;
          for (Index i = 0; i < n; ++i) {
            const double of_row = w ? static_cast<double>(w[i]) : 1.0;
            total += of_row;
            sum += of_row * static_cast<double>(x.points().row(i)[p]);
          }
          for (Index i = 0; i < n; ++i) {
            const double apart = static_cast<double>(x.points().row(i)[p]) - sum / total;
            sq += (w ? static_cast<double>(w[i]) : 1.0) * apart * apart;
          }
          CHECK(std::abs(found.mean[at(p)] - sum / total) <= 1e-9 * std::sqrt(sq / total));
          variance += sq / total / static_cast<double>(d);
        }
        CHECK(std::abs(found.variance - variance) <= 1e-9 * variance);
        const random::Stream stream(5, 0);
        CHECK(kmeans_plusplus(rows, Weights<float>{w}, 30, 0, stream, run, &found) ==
              kmeans_plusplus(rows, Weights<float>{w}, 30, 0, stream, run));
      }
    }
  });
}

TEST("rows drawn as starts are distinct while there are distinct rows, at every level") {
  on_every_level([] {
    for (const Index d : {Index{2}, Index{9}, Index{40}}) {
      const Sample<double> x = groups<double>(300, d, 4);
      Run run;
      for (int way = 0; way < 3; ++way) {
        const random::Stream stream(3, 0);
        const Rows<double> rows(x.points());
        std::vector<Index> drawn = way == 0   ? kmeans_plusplus(rows, {}, 40, 0, stream, run)
                                   : way == 1 ? random_rows(rows, {}, 40, stream, run)
                                              : kmeans_parallel(rows, {}, 40, 5, 2, stream, run);
        CHECK_EQUAL(std::ssize(drawn), 40);
        std::sort(drawn.begin(), drawn.end());
        CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
      }
    }
  });
}

TEST("mini-batches of all rows lower the inertia") {
  const Sample<float> x = groups<float>(500, 3, 4);
  const Rows<float> rows(x.points());
  Run run;
  MiniBatchState<float> state(Points<const float>{x.values.data(), 4, 3});
  MiniBatchOptions options;
  options.batch_size = 500;
  const double before = minibatch_step<float>(rows, {}, state, 0, options, run);
  double after = before;
  for (Index step = 1; step < 20; ++step) after = minibatch_step<float>(rows, {}, state, step, options, run);
  CHECK(after < before);
}
