#include <algorithm>
#include <stdexcept>
#include <string>

#include "simd/level.hpp"
#include "tests/check.hpp"
#include "tests/settings.hpp"

using namespace shoal;
using simd::Level;

TEST("the scalar level is always there, first, and levels come slowest first without repeats") {
  const auto levels = simd::available();
  CHECK(!levels.empty());
  CHECK(levels.front() == Level::scalar);
  CHECK(std::is_sorted(levels.begin(), levels.end()));
  CHECK(std::adjacent_find(levels.begin(), levels.end()) == levels.end());
}

TEST("the best level is in use until another is forced") {
  const Level best = simd::available().back();
  CHECK(simd::level() == best);
  for (const Level level : simd::available()) {
    const tests::UseLevel use(level);
    CHECK(simd::level() == level);
  }
  CHECK(simd::level() == best);
}

TEST("names and levels are the same thing twice") {
  for (const Level level : {Level::scalar, Level::v2, Level::v3, Level::v4, Level::neon})
    CHECK(simd::level_from_name(simd::name(level)) == level);
}

TEST("an unknown name is refused, and the message lists the known ones") {
  for (const auto* text : {"", "v9", "V3", "avx2", "scalar "})
    CHECK_THROWS(std::invalid_argument, simd::level_from_name(text));
  try {
    static_cast<void>(simd::level_from_name("avx2"));
  } catch (const std::invalid_argument& error) {
    CHECK_EQUAL(std::string(error.what()), "unknown instruction set 'avx2'; known: scalar, v2, v3, v4, neon");
  }
}

TEST("a level this processor lacks is refused and changes nothing") {
  const auto levels = simd::available();
  const Level before = simd::level();
  for (const Level level : {Level::v2, Level::v3, Level::v4, Level::neon})
    if (std::find(levels.begin(), levels.end(), level) == levels.end())
      CHECK_THROWS(std::invalid_argument, simd::set_level(level));
  CHECK(simd::level() == before);
}
