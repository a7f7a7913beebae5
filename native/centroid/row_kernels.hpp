// What starts need to know of every row: its hash, and what eight bits per value say of it.
#pragma once
#include <cstdint>
#include <vector>

#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

/// Samples whose codes stand side by side, four features of each in a word: feature p of sample i is byte
/// code_place(i, p, n_words) of the codes.
inline constexpr Index code_lanes = 16;
inline constexpr Index code_place(Index i, Index p, Index n_words) {
  return ((i / code_lanes * n_words + p / 4) * code_lanes + i % code_lanes) * 4 + p % 4;
}

/// What a code leaves out, and sums over the code, which are exact.
struct CodeSums {
  double rest;       // |value - code|^2, in steps
  std::int32_t sum;  // of the codes
  std::int32_t sq;   // of their squares
};

template <class T>
struct RowKernels {
  /// out[i] = hash of row i; keys[p] = hash_key(p).
  void (*hash_rows)(const T* x, Index n, Index n_features, const std::uint64_t* keys, std::uint64_t* out);
  /// The codes of one row, (value - low) * per_step rounded, low and per_step being such that it is in [0, 255]: one
  /// word to every code_lanes-th word of `to`. Features behind the last have code 0.
  CodeSums (*code_row)(const T* row, Index n_features, const T* low, double per_step, std::uint8_t* to);
};

/// The table of the level in use.
template <class T>
const RowKernels<T>& row_kernels();

/// Rows::hash of every row, in one pass at the speed of memory.
template <class T>
std::vector<std::uint64_t> hash_all(const Rows<T>& x, Run& run);

}  // namespace shoal::centroid
