// Counter-based random numbers: Philox4x32-10.
//
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A number is a pure function
// of (seed, stream, position), so a result does not depend on who draws first. Each purpose and each restart has
// its own stream: adding a restart changes none of the earlier ones.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace shoal::random {

__extension__ using Wide = unsigned __int128;

/// One stream of random numbers; copying it copies its position.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t stream) : key_(seed), stream_(stream) {}

  /// 32 uniform bits.
  std::uint32_t bits32() {
    if (used_ == 4) {
      block_ = philox(key_, stream_, position_++);
      used_ = 0;
    }
    return block_[used_++];
  }
  /// 64 uniform bits.
  std::uint64_t bits64() {
    const std::uint64_t high = bits32();
    return high << 32 | bits32();
  }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(bits64() >> 11) * 0x1.0p-53; }
  /// Uniform in {0, ..., n - 1}; n > 0. Unbiased (Lemire's rejection).
  std::uint64_t below(std::uint64_t n) {
    for (;;) {
      const Wide product = static_cast<Wide>(bits64()) * n;
      const auto low = static_cast<std::uint64_t>(product);
      if (low >= n || low >= (0 - n) % n) return static_cast<std::uint64_t>(product >> 64);
    }
  }
  /// Standard normal (Box-Muller, one of the pair).
  double normal() {
    const double u = 1.0 - uniform();
    const double v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
  }
  /// So that it serves as a C++ UniformRandomBitGenerator.
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return bits64(); }

  /// The raw block cipher, for known-answer tests.
  static std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t stream, std::uint64_t position) {
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32);
    std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
                                   static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
      c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
           static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return c;
  }

 private:
  std::uint64_t key_;
  std::uint64_t stream_;
  std::uint64_t position_ = 0;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
};

}  // namespace shoal::random
