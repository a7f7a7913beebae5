// Affinity propagation (Frey and Dueck, Science 315, 2007): exemplars by messages between samples.
//
// s(i, k) says how well sample k serves as the exemplar of sample i; s(k, k), the preference, how well k serves as
// one at all. Two messages per pair, both damped by d:
//   responsibility  r(i, k) = s(i, k) - max over k' != k of (a(i, k') + s(i, k'))
//   availability    a(i, k) = min(0, c(k) - max(0, r(i, k))),  a(k, k) = c(k) - r(k, k),
//                   c(k) = r(k, k) + sum over i != k of max(0, r(i, k))
// Sample k is an exemplar where a(k, k) + r(k, k) > 0.
//
// One sweep per iteration. A row of availabilities depends on that row of a and r and on the column sums c alone, so
// it is brought up to date when the next iteration needs it, just before the row's responsibilities. Where r(i, k) has
// never been positive, a(i, k) is the same in all rows, bit for bit: a vector holds these, and each row those of its
// own. A row of s and r is read once, r is written once, and in between the row stays in the cache: 3 n^2 values of
// memory traffic per iteration, and 2 n^2 values of memory, s included; up to n^2 more where few clusters hold many
// samples.
//
// The order of every operation, the column sums row after row included, is scikit-learn's: for float64 the
// messages have its bits, at every instruction set and for any number of threads (blocks of rows in parallel, which add
// up their columns in turn). float32 adds up columns in double.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/dispatch.hpp"

namespace shoal::exemplar {

struct Settings {
  double damping = 0.5;  // in [0.5, 1)
  Index max_iter = 200;  // >= 1
  Index convergence_iter = 15;
};

struct Exemplars {
  std::vector<std::int64_t> exemplars;  // ascending
  std::vector<std::int64_t> labels;     // place of the own exemplar among them; -1: none
  Index n_iter = 0;
  bool converged = false;
};

/// Precondition: s is square, finite, preferences on its diagonal. O(n^2) time per iteration, n^2 to 2 n^2 values
/// of memory beyond s. A sample belongs to the exemplar with the largest s, the first of equals; before that, each
/// exemplar gives way to the member of its cluster with the largest sum of s from the members.
template <class T>
Exemplars affinity_propagation(Points<const T> s, const Settings& settings, Run& run);

/// Similarities in compressed rows: row i holds what sample i thinks of its candidates, columns ascending, the diagonal
/// stored in every row; pairs that are not stored never are sample and exemplar.
template <class T>
struct Graph {
  std::span<const T> value;
  std::span<const std::int32_t> column;
  std::span<const std::int32_t> start;  // n + 1

  Index size() const { return static_cast<Index>(start.size()) - 1; }
};

/// The same messages along stored pairs only: O(stored) time per iteration, 2 values and one index per pair. A sample
/// whose only candidate is itself is an exemplar. An exemplar gives way only to a member that all members know;
/// a sample that knows no exemplar has label -1.
template <class T>
Exemplars affinity_propagation(const Graph<T>& s, const Settings& settings, Run& run);

/// True when all s(i, k), i != k, are the same number. Precondition: n >= 2.
template <class T>
bool all_alike(Points<const T> s);

/// The values of ranks `rank` and `rank` + 1 (the last twice if there is no next) among all values of a square
/// matrix, or among those off its diagonal. One pass at the speed of memory and one over few values; 1/16 of the
/// matrix and 1 MiB per thread of memory for most data.
template <class T>
std::pair<T, T> ranked(Points<const T> s, bool off_diagonal, Index rank, Run& run);

// --- the inner loops (affinity_propagation.simd.cpp) --------------------------------------------------------

/// Row i of the three matrices, n values each.
template <class T>
struct Row {
  const T* s;
  const T* a;
  T* r;
  Index n;
};

template <class T>
struct MessageKernels {
  /// Brings r up to date from a and s. Returns how many of its values are positive; positive[0..) are their places,
  /// ascending.
  Index (*update)(const Row<T>& row, T damping, T rest, std::int32_t* positive);
};
struct MessageTable {
  MessageKernels<float> f32;
  MessageKernels<double> f64;
};

template <class T>
const MessageKernels<T>& message_kernels();

}  // namespace shoal::exemplar

namespace shoal {
SHOAL_DECLARE_TABLE(exemplar::MessageTable, message_table)
}  // namespace shoal
