// The distance tile: distances between two sets of points, reduced in registers, never an n x k matrix in memory.
//
// One side is packed as *panels*: `lanes` samples side by side, feature by feature, so that one vector holds one
// feature of many samples. The other side (centres, references) is packed as *groups* of up to `max_rows` rows,
// interleaved feature by feature, so that one stream of scalars is broadcast against the panel. A tile keeps
// rows x lanes accumulators in registers over all features; an epilogue reduces them (nearest, two nearest,
// written out, counted, kept among the k smallest) while they are still there.
//
// Cost: n k d fused multiply-adds at the processor's rate; memory: one panel per thread and the packed rows.
// Euclidean distances in `Form::expanded` are |c|^2/2 - x.c, the part that depends on c, on data shifted by an
// origin in their middle; |x|^2 is added by the caller where it needs the distance itself. The other forms add
// up differences directly and have no cancellation. A value depends on the two points, the number of features
// and the level alone: not on the other points in the tile, the block or the thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::distance {

/// What a tile adds up over the features of x and y.
enum class Form {
  expanded,      // |y|^2 / 2 - x.y
  sq_euclidean,  // sum (x - y)^2
  manhattan,     // sum |x - y|
  chebyshev,     // max |x - y|
};

/// The row side of the tile, packed once. Group g holds rows [first[g], first[g + 1]), R of them; its row r,
/// feature p, is at data[first[g] * n_features + p * R + r]. Group sizes differ by at most one.
template <class T>
struct PackedRows {
  Index n_rows = 0;
  Index n_features = 0;
  int max_rows = 1;             // of a group, as the level's kernels want it
  std::vector<Index> first{0};  // n_groups + 1 row numbers
  AlignedVector<T> data;
  AlignedVector<T> start;  // where each accumulator starts: |row|^2 / 2 in the expanded form, else 0

  Index n_groups() const { return static_cast<Index>(first.size()) - 1; }
};

/// Samples to be packed into panels: rows `index[0..n)` of `x`, or rows 0..n when index is null; `origin`
/// (null or n_features values) is subtracted.
template <class T>
struct Samples {
  const T* x = nullptr;
  const T* x_end = nullptr;  // one past the last readable value
  Index n = 0;
  Index n_features = 0;
  const T* origin = nullptr;
  const std::int32_t* index = nullptr;

  Samples slice(Index begin, Index end) const {
    Samples s = *this;
    s.n = end - begin;
    if (index)
      s.index = index + begin;
    else
      s.x = x + begin * n_features;
    return s;
  }
};
template <class T>
Samples<T> samples(Points<const T> x, const T* origin = nullptr) {
  return {x.data, x.data + x.n_samples * x.n_features, x.n_samples, x.n_features, origin, nullptr};
}

/// One level's kernels for one type.
template <class T>
struct TileKernels {
  int lanes;     // samples in a panel
  int max_rows;  // rows in a group

  /// Copies samples into panels (rounded up to whole ones; the rest of the last panel repeats its first sample).
  /// Precondition: panels has room for ceil(n / lanes) * lanes * n_features values.
  void (*pack)(const Samples<T>& samples, T* panels);

  /// label[i] = argmin over rows of the expanded form; value[i] the minimum; second[i] (when not null) the next
  /// smallest over the other rows, +inf when there is one row. A tie goes to the smaller row.
  /// Precondition: scratch has room for scratch_size(n_features) values; rows packed in the expanded form.
  void (*nearest)(const Samples<T>& samples, const PackedRows<T>& rows, std::int32_t* label, T* value, T* second,
                  T* scratch);
  Index (*scratch_size)(Index n_features);

  /// out[j * out_stride + i] = form(sample i, row j): one output row per packed row.
  void (*pairwise)(Form form, const Samples<T>& samples, const PackedRows<T>& rows, T* out, Index out_stride,
                   T* scratch);

  /// count[i] += sum over rows of weight[j] (1 when null) with form(sample i, row j) <= radius.
  void (*count_within)(Form form, const Samples<T>& samples, const PackedRows<T>& rows, T radius, const T* weight,
                       double* count, T* scratch);

  /// Sums of form(sample i, row j), or of its square root when `root`, over the rows of groups [begin, end) and the
  /// samples of packed panels: sample_sum[i] += the sum over rows of row_weight[j] (1 when null), for every lane of
  /// the n_panels panels; and row_sum[j - first row of `begin`] += the sum over lanes of sample_weight[i] (0 in lanes
  /// that hold no sample), unless both of these are null. Up to max_rows rows, or n_panels panels, are added in T,
  /// then in double; always in the same order.
  void (*sum)(Form form, bool root, const T* panels, Index n_panels, const T* sample_weight, const PackedRows<T>& rows,
              Index begin, Index end, const T* row_weight, double* sample_sum, double* row_sum);

  /// Keeps in (values, indices)[i * k .. + k) the k smallest of form(sample i, row first_index + j) together with
  /// what is there already (fill with +inf, -1 before), sorted; ties keep the smaller index.
  /// Precondition: calls come with ascending first_index.
  void (*k_smallest)(Form form, const Samples<T>& samples, const PackedRows<T>& rows, std::int32_t first_index, Index k,
                     T* values, std::int32_t* indices, T* scratch);

  /// One pair: the sum of squared differences.
  T (*sq_dist)(const T* a, const T* b, Index n_features);
};

/// The kernels of the level in use.
template <class T>
const TileKernels<T>& tile();

/// Packs rows - origin for the tile. Cost O(n_rows * n_features).
template <class T>
PackedRows<T> pack_rows(Form form, Points<const T> rows, const T* origin = nullptr);

/// Packs rows index[0], index[1], ... of x such that no group holds rows of two pieces; piece p is the packed rows
/// [bounds[p], bounds[p + 1]). Group sizes differ by at most one within a piece.
template <class T>
PackedRows<T> pack_pieces(Form form, Points<const T> x, std::span<const std::int32_t> index,
                          std::span<const Index> bounds, Run& run);

}  // namespace shoal::distance
