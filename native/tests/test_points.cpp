#include <array>
#include <type_traits>

#include "base/points.hpp"
#include "tests/check.hpp"

using namespace shoal;

TEST("rows of a view are the caller's memory, row-major") {
  std::array<double, 6> values{0, 1, 2, 3, 4, 5};
  const Points<double> x{values.data(), 3, 2};
  CHECK_EQUAL(x.size(), std::size_t{6});
  CHECK_EQUAL(x.row(2), values.data() + 4);
  CHECK_EQUAL(x[1][0], 2.0);
  CHECK_EQUAL(x[1].size(), std::size_t{2});
  x[0][1] = 7;
  CHECK_EQUAL(values[1], 7.0);
}

TEST("a slice holds rows [begin, end) and may be empty") {
  std::array<float, 6> values{0, 1, 2, 3, 4, 5};
  const Points<float> x{values.data(), 3, 2};
  const auto tail = x.slice(1, 3);
  CHECK_EQUAL(tail.n_samples, 2);
  CHECK_EQUAL(tail.row(0), values.data() + 2);
  CHECK_EQUAL(x.slice(3, 3).n_samples, 0);
  CHECK_EQUAL(x.slice(0, 3).size(), x.size());
}

TEST("a writable view passes as a read-only one, never the other way round") {
  std::array<double, 2> values{3, 4};
  const Points<const double> x = Points<double>{values.data(), 1, 2};
  CHECK_EQUAL(x.row(0), values.data());
  CHECK(std::is_convertible_v<Points<double>, Points<const double>>);
  CHECK(!std::is_convertible_v<Points<const double>, Points<double>>);
}

TEST("without weights every sample weighs one") {
  const Weights<float> none;
  CHECK(!none);
  CHECK_EQUAL(none[1000000], 1.0f);
  const std::array<float, 2> values{0.5f, 0.0f};
  const Weights<float> some{values.data()};
  CHECK(some);
  CHECK_EQUAL(some[0], 0.5f);
  CHECK_EQUAL(some[1], 0.0f);
}
