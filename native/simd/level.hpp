// Instruction-set levels: which ones this build holds, which one is in use.
//
// Kernels that depend on the instruction set live in files *.simd.cpp, compiled once per level into the
// namespace shoal::<level>. Each such file exports tables of function pointers; `active()` picks the table.
// The level is chosen once at import (the best the processor supports) and can be forced for tests.
#pragma once
#include <string_view>
#include <vector>

namespace shoal::simd {

enum class Level { scalar, v2, v3, v4, neon };

/// The levels compiled into this library that this processor can run, slowest first.
std::vector<Level> available();

/// The level in use: the last of available() until set_level() is called.
Level level();

/// Throws std::invalid_argument when the level is not in available().
void set_level(Level level);

std::string_view name(Level level);
Level level_from_name(std::string_view name);

}  // namespace shoal::simd
