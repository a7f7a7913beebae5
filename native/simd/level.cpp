#include "simd/level.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

namespace shoal::simd {
namespace {

bool supported([[maybe_unused]] Level level) {
  switch (level) {
    case Level::scalar:
      return true;
#if defined(__x86_64__)
    case Level::v2:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    case Level::v3:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    case Level::v4:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    case Level::neon:
      return true;
#endif
    default:
      return false;
  }
}

std::atomic<Level>& current() {
  static std::atomic<Level> level{available().back()};
  return level;
}

}  // namespace

std::vector<Level> available() {
  std::vector<Level> levels;
  for (Level level : {Level::scalar, Level::v2, Level::v3, Level::v4, Level::neon})
    if (supported(level)) levels.push_back(level);
  return levels;
}

Level level() {
  return current().load(std::memory_order_relaxed);
}

void set_level(Level level) {
  const auto levels = available();
  if (std::find(levels.begin(), levels.end(), level) == levels.end())
    throw std::invalid_argument("instruction set '" + std::string(name(level)) + "' is not available here");
  current().store(level, std::memory_order_relaxed);
}

std::string_view name(Level level) {
  switch (level) {
    case Level::scalar:
      return "scalar";
    case Level::v2:
      return "v2";
    case Level::v3:
      return "v3";
    case Level::v4:
      return "v4";
    case Level::neon:
      return "neon";
  }
  return "?";
}

Level level_from_name(std::string_view text) {
  for (Level level : {Level::scalar, Level::v2, Level::v3, Level::v4, Level::neon})
    if (name(level) == text) return level;
  throw std::invalid_argument("unknown instruction set '" + std::string(text) + "'; known: scalar, v2, v3, v4, neon");
}

}  // namespace shoal::simd
