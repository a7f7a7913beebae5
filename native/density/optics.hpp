// OPTICS (Ankerst, Breunig, Kriegel and Sander, SIGMOD 1999): the order in which density reaches the samples.
//
// The core distance of a sample is its distance to the min_samples-th nearest sample, itself the first, or inf
// beyond max_eps. Samples are visited one by one: always the one with the smallest reachability so far, a tie going
// to the smaller index; a visited core sample p then lowers the reachability of every unvisited q within max_eps to
// max(core(p), d(p, q)) where that is less, and becomes q's predecessor. Distances are rounded to 15 decimals as
// scikit-learn does, so that its order comes out.
//
// Two ways, one answer:
//   rows  every step runs over all unvisited samples in index order. O(n^2 d) time, O(n d) memory.
//   tree  the samples sit in a tree of boxes (cells.hpp), whose nodes know the largest reachability in them (a node
//         too far away to improve it is left out) and the smallest (the root's is the next sample): the heap is the
//         tree. O(n log n + neighbours) for a small max_eps.
// Neither is parallel over steps; long rows are cut into blocks. The result does not depend on threads or
// instruction sets: distances have one value (reach.hpp).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/points.hpp"
#include "density/reach.hpp"
#include "parallel/run.hpp"

namespace shoal::density {

struct OpticsGraph {
  std::vector<std::int64_t> ordering;
  std::vector<double> core_distances;     // by sample, like the rest
  std::vector<double> reachability;       // inf where nothing reached the sample
  std::vector<std::int64_t> predecessor;  // -1 there
};

enum class OpticsSearch { automatic, rows, tree };

/// `metric` is euclidean, cosine (x then holds unit_rows), manhattan, chebyshev or minkowski.
/// Precondition: 1 <= min_samples <= x.n_samples; max_eps >= 0, inf for none.
template <class T>
OpticsGraph optics(Points<const T> x, std::string_view metric, double p, Index min_samples, double max_eps,
                   OpticsSearch search, Run& run);

/// The same from a square matrix of distances, d(p, q) = x[p][q]. O(n^2) time, O(n) memory.
template <class T>
OpticsGraph optics_precomputed(Points<const T> x, Index min_samples, double max_eps, Run& run);

/// The same from stored distances in compressed rows; pairs that are not stored are infinitely far apart.
/// Precondition: every row holds at least min_samples values.
template <class T>
OpticsGraph optics_graph(std::span<const T> values, std::span<const std::int32_t> columns,
                         std::span<const std::int32_t> row_start, Index min_samples, double max_eps, Run& run);

// --- the inner loop (optics.simd.cpp) -----------------------------------------------------------------------

/// A visited sample.
struct Visit {
  const double* query = nullptr;  // its features
  double core = 0;                // its core distance, rounded
  double core_norm = 0;           // no distance that the core distance does not hide has a norm below this
  double bound_limit = 0;         // norms at or above this are beyond max_eps
  double p = 2;
  bool halved = false;  // cosine: the distance is half the norm
  std::int32_t sample = 0;
};

/// What is left to visit, slot by slot. A visited slot has key inf and bound -1.
struct Waiting {
  double* key;    // reachability
  double* bound;  // no norm at or above it can lower the key
  std::int64_t* predecessor;
};

struct Least {
  double key;        // smallest key; inf when all are
  Index slot;        // the first slot that has it
  double max_bound;  // largest bound; -1 when nothing waits
};

/// Lowers the keys of the targets; null query: only looks for the least. Slot 0 of `waiting` belongs to target 0.
struct OpticsKernels {
  Least (*relax)(const Visit& visit, const Block& targets, const Waiting& waiting);
};
struct OpticsTable {
  static constexpr int n_fixed = 3;
  OpticsKernels kernels[4][n_fixed + 1];
};
const OpticsKernels& optics_kernels(Norm norm, Index n_features);

/// What scikit-learn does to distances: rounded to 15 decimals, unless they are too large to have any.
inline double round_distance(double value) {
  return __builtin_nearbyint(value * 1e15) / 1e15;
}

}  // namespace shoal::density

namespace shoal {
SHOAL_DECLARE_TABLE(density::OpticsTable, optics_table)
}  // namespace shoal
