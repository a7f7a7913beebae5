// Which points of one block are within reach of which points of another: the inner loops of density clustering.
//
// Distances are direct sums over the features in ascending order, in double, with no multiplication fused into an
// addition (the build sees to that): the same bits at every level, for either order of the two points. So two points
// are within reach at every level or at none, and what boxes say about distances (cells.hpp) holds to the last bit.
//
// Cost: one difference, product and sum per feature and pair, in vectors of target points. Memory: none.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/dispatch.hpp"

namespace shoal::density {

/// What is summed over the features of x and y.
enum class Norm {
  sq_euclidean,  // sum (x - y)^2
  manhattan,     // sum |x - y|
  chebyshev,     // max |x - y|
  minkowski,     // sum |x - y|^p
};

/// Two points are within reach when their norm is at most `radius`, which has the unit of the norm.
struct Reach {
  Norm norm = Norm::sq_euclidean;
  double radius = 0;
  double p = 2;  // of minkowski
};

/// n points, feature by feature: point i has feature f at data[f * stride + i].
/// Precondition: `block_padding` values after the last one can be read.
struct Block {
  const double* data = nullptr;
  Index stride = 0;
  Index n = 0;
  Index n_features = 0;

  Block slice(Index begin, Index end) const { return {data + begin, stride, end - begin, n_features}; }
};
inline constexpr Index block_padding = 8;

/// "euclidean", "manhattan", "chebyshev" or "minkowski" with its p, or "cosine" for rows scaled to unit length (see
/// unit_rows); `eps` is a distance of the metric. Throws std::invalid_argument.
Reach reach_of(std::string_view metric, double eps, double p);

/// The rows of x scaled to unit length: the cosine distance of two is half the squared Euclidean one. With `extra`
/// there is one more feature, 0 but in rows of zeros, where it is 1: these are at distance 1 from all others.
template <class T>
std::vector<double> unit_rows(Points<const T> x, bool extra, Run& run);
/// One level's kernels for one norm and number of features.
struct ReachKernels {
  /// count[q] += number of targets within reach of query q.
  void (*count)(const Block& queries, const Block& targets, const Reach& reach, std::int32_t* count);
  /// Bit t of within[q] is set where target t is within reach of query q. Precondition: targets.n <= 64.
  void (*within)(const Block& queries, const Block& targets, const Reach& reach, std::uint64_t* within);
  /// Some query has a target within reach.
  bool (*any)(const Block& queries, const Block& targets, const Reach& reach);
  /// out[q * out_stride + t] = norm of query q and target t. Precondition: out_stride >= targets.n + block_padding.
  void (*norms)(const Block& queries, const Block& targets, const Reach& reach, double* out, Index out_stride);
};

/// Kernels by norm and number of features; the last of each row serves every number.
struct ReachTable {
  static constexpr int n_fixed = 6;
  ReachKernels kernels[4][n_fixed + 1];
};

/// The kernels of the level in use.
const ReachKernels& reach_kernels(Norm norm, Index n_features);

}  // namespace shoal::density

namespace shoal {
SHOAL_DECLARE_TABLE(density::ReachTable, reach_table)
}  // namespace shoal
