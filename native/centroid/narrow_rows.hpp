// Rows of few features as greedy k-means++ goes over them: near ones side by side, feature by feature, in blocks whose
// boxes tell which draws are nearer to none of their samples.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::centroid {

/// Samples in an order of their own: place i has sample order()[i].
/// O(n log n / block) time, n_features values and 4 bytes of memory per sample.
template <class T>
class NarrowRows {
 public:
  /// In cells of about equally many samples, equal rows in the order of their samples; else, where sorting would cost
  /// more than it gains, as they come.
  NarrowRows(Points<const T> x, bool near_together, Run& run);

  Index n_features() const { return d_; }
  Index block_size() const { return block_size_; }
  Index n_blocks() const { return (n_ + block_size_ - 1) / block_size_; }
  std::int32_t sample(Index place) const { return order_[static_cast<std::size_t>(place)]; }

  /// Feature f of the places from this one on begins at stride() * f.
  const T* from(Index place) const { return columns_.data() + place; }
  Index stride() const { return n_; }
  T sq_dist(Index place, const T* point) const {
    T sum = 0;
    for (Index f = 0; f < d_; ++f) {
      const T difference = from(place)[f * n_] - point[f];
      sum += difference * difference;
    }
    return sum;
  }
  /// No sample of the block is nearer to the point, rounding included.
  T sq_dist_to_block(Index block, const T* point) const;

 private:
  void order_by_cells(Points<const T> x, Run& run);

  Index n_, d_, block_size_;
  std::vector<std::int32_t> order_;
  AlignedVector<T> columns_;
  std::vector<T> boxes_;  // of each block: lows, then highs
};

}  // namespace shoal::centroid
