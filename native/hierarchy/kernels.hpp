// The inner loops of linkage: distances between rows, rows of a triangle of distances, the least of many.
//
// No multiplication is fused with an addition here, and sums run over the features in order: every value has the same
// bits at every instruction-set level, and those that SciPy's formulas have.
#pragma once
#include <cstdint>
#include <limits>

#include "base/points.hpp"
#include "simd/dispatch.hpp"

namespace shoal::hierarchy {

/// What a distance adds up over the features: squares, absolute differences, their maximum, their p-th powers.
enum class Norm { sq_euclidean, manhattan, chebyshev, minkowski };

/// How far a cluster is from the union of two others (Lance and Williams).
enum class Update { complete, average, weighted, ward, centroid, median };

/// The clusters x and y that merge, and the distance between them.
struct Pair {
  double distance, size_x, size_y;
};

/// A cluster and how far it is, the smaller by (value, id); no other is nearer than `second`.
struct Nearest {
  double value;
  std::int32_t id;
  double second;
};

/// Clusters feature by feature: feature f of position i is at columns[f * stride + i].
struct Columns {
  const double* columns;
  Index stride;
  Index n_features;
};

/// One level's kernels for a triangle of T.
template <class T>
struct TriangleKernels {
  /// The first i in [0, n) with the least values[i] + penalty[i], which is written to *least; -1 when there is none
  /// below infinity. Precondition: both are readable up to a multiple of 64 bytes; penalty is infinite beyond n.
  /// No other is below *second.
  Index (*first_min)(const T* values, const T* penalty, Index n, T* least, T* second);
  /// out[i] = distance of cluster i, of size[i], to the union of x and y, given its distances to both.
  void (*merge_rows)(Update update, const T* to_x, const T* to_y, const T* size, Index n, const Pair& pair, T* out);
  /// For j in [0, n): where row[j] < least[j], least[j] = row[j] and nearest[j] = id; second[j] is the next smallest,
  /// unless `second` is `least`. Returns the least of the row.
  T (*offer)(const T* row, Index n, std::int32_t id, T* least, T* second, std::int32_t* nearest);
  /// After x and y have become one, at y, row[j] away from cluster j in [0, n): brings every known nearest[j], which is
  /// least[j] away while all others are at second[j] or beyond, up to date, or makes it unknown.
  void (*follow)(const T* row, Index n, std::int32_t x, std::int32_t y, T* least, T* second, std::int32_t* nearest);
};

/// One level's kernels on coordinates.
struct PointKernels {
  /// out[q * out_stride + i - begin] = the sum over the features of query q and position i in [begin, end); query q is
  /// at queries + q * n_features. `p`: of minkowski.
  void (*sums)(Norm norm, double p, const Columns& data, const double* queries, Index n_queries, Index begin, Index end,
               double* out, Index out_stride);
  /// The nearest of positions [begin, end) to the query, and what is in *best already, where the value is the squared
  /// distance / (inverse + inverses[i]); ids[i] names position i, the one named `own` does not count.
  /// Precondition: columns and inverses are readable up to a multiple of 8 positions.
  void (*nearest_ward)(const Columns& data, const double* inverses, const std::int32_t* ids, Index begin, Index end,
                       const double* query, double inverse, std::int32_t own, Nearest* best);
};

/// A nearest cluster that has to be looked for.
inline constexpr std::int32_t unknown_cluster = -1;
/// The name of a cluster that has gone.
inline constexpr std::int32_t no_cluster = std::numeric_limits<std::int32_t>::max();

/// A cluster that looks for its nearest.
struct WardQuery {
  const double* center;
  const float* center_f32;
  float half_sq;  // half the squared norm of the centre
  double inverse;
  std::int32_t own;
};
/// Clusters that it looks at, in single precision, feature by feature.
struct WardBlock {
  const float* columns;
  Index stride, n_features;
  const float* half_sq;
  const float* inverses;
  const std::int32_t* ids;
  float error;  // of a squared distance that comes from products, at most
};
/// What makes sure of those that may be near: value(clusters, position, query).
struct WardValue {
  const void* clusters;
  const std::int32_t* positions;  // of the clusters of the block; null: their places in it
  double (*value)(const void* clusters, Index position, const WardQuery& query);
};

/// The loops that may fuse, for they know what rounding can do.
struct ScreenKernels {
  /// As PointKernels::nearest_ward, by products first: what |x|^2 - 2 x.c + |c|^2 and its error leave open is made
  /// sure of. Precondition: columns, half_sq and inverses are readable up to a multiple of 16 positions.
  void (*nearest_ward)(const WardBlock& block, const WardValue& exact, Index begin, Index end, const WardQuery& query,
                       Nearest* best);
};

/// The kernels of the level in use.
template <class T>
const TriangleKernels<T>& triangle_kernels();
const PointKernels& point_kernels();
const ScreenKernels& screen_kernels();

}  // namespace shoal::hierarchy

namespace shoal {
SHOAL_DECLARE_TABLE(hierarchy::TriangleKernels<float>, triangle_f32)
SHOAL_DECLARE_TABLE(hierarchy::TriangleKernels<double>, triangle_f64)
SHOAL_DECLARE_TABLE(hierarchy::PointKernels, linkage_points)
SHOAL_DECLARE_TABLE(hierarchy::ScreenKernels, linkage_screen)
}  // namespace shoal
