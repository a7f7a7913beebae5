#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "random/philox.hpp"
#include "tests/check.hpp"

using shoal::random::Stream;

namespace {

using Block = std::array<std::uint32_t, 4>;

constexpr std::uint64_t word(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

/// Philox on the counter and key as Random123 writes them: words from the lowest to the highest.
Block philox(Block counter, std::array<std::uint32_t, 2> key) {
  return Stream::philox(word(key[0], key[1]), word(counter[2], counter[3]), word(counter[0], counter[1]));
}

}  // namespace

TEST("philox4x32-10 gives the known answers of Random123") {
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({ones, ones, ones, ones}, {ones, ones}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST("a stream walks the counter: number i is a function of seed, stream and i") {
  Stream stream(42, 7);
  for (std::uint64_t position = 0; position < 3; ++position)
    for (const std::uint32_t bits : Stream::philox(42, 7, position)) CHECK_EQUAL(stream.bits32(), bits);
}

TEST("bits64 is two draws of bits32, the high half first") {
  Stream halves(1, 2), whole(1, 2);
  const std::uint64_t high = halves.bits32();
  const std::uint64_t low = halves.bits32();
  CHECK_EQUAL(whole.bits64(), high << 32 | low);
}

TEST("a copy continues from the same position, and another stream or seed is another sequence") {
  Stream a(3, 0);
  a.bits32();
  Stream copy = a;
  CHECK_EQUAL(copy.bits64(), a.bits64());
  CHECK(Stream(3, 0).bits64() != Stream(3, 1).bits64());
  CHECK(Stream(3, 0).bits64() != Stream(4, 0).bits64());
}

TEST("uniform is in [0, 1) with the mean and variance it should have") {
  Stream stream(5, 0);
  constexpr int n = 100000;
  double sum = 0, squares = 0, low = 1, high = 0;
  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform();
    low = std::min(low, u);
    high = std::max(high, u);
    sum += u;
    squares += u * u;
  }
  CHECK(low >= 0.0);
  CHECK(high < 1.0);
  // five standard errors: sqrt(1/12/n) = 9.1e-4 for the mean, sqrt(4/45/n) = 9.4e-4 for the mean square
  CHECK(std::abs(sum / n - 1.0 / 2) < 4.6e-3);
  CHECK(std::abs(squares / n - 1.0 / 3) < 4.7e-3);
}

TEST("below(n) stays below n for every size, and below(1) is 0") {
  Stream stream(6, 0);
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{1000},
                                (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}})
    for (int i = 0; i < 200; ++i) CHECK(stream.below(n) < n);
}

TEST("below(n) is even, also where the range does not divide 2^64") {
  // chi-square with 6 degrees of freedom: 27.9 is its 1 - 1e-4 quantile
  constexpr int cells = 7, n = 70000;
  // For 3 * 2^62 plain multiplication would draw every third number twice as often.
  for (const std::uint64_t range : {std::uint64_t{cells}, std::uint64_t{3} << 62}) {
    Stream stream(7, range);
    std::array<double, cells> count{};
    for (int i = 0; i < n; ++i) count[static_cast<std::size_t>(stream.below(range) % cells)] += 1;
    double chi_square = 0;
    for (const double c : count) chi_square += (c - n / cells) * (c - n / cells) / (n / cells);
    CHECK(chi_square < 27.9);
  }
  Stream stream(7, 0);
  int multiples_of_three = 0;
  for (int i = 0; i < n; ++i) multiples_of_three += stream.below(std::uint64_t{3} << 62) % 3 == 0;
  CHECK(std::abs(multiples_of_three - n / 3) < 5 * std::sqrt(n * 2.0 / 9));
}

TEST("normal has mean 0, variance 1 and no infinite value") {
  Stream stream(8, 0);
  constexpr int n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double z = stream.normal();
    CHECK(std::isfinite(z));
    sum += z;
    squares += z * z;
  }
  CHECK(std::abs(sum / n) < 5 / std::sqrt(double{n}));
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n));
}

TEST("a stream serves the standard library as a generator") {
  std::vector<int> order{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  Stream stream(9, 0);
  std::shuffle(order.begin(), order.end(), stream);
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 10; ++i) CHECK_EQUAL(sorted[static_cast<std::size_t>(i)], i);
}
