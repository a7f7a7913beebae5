// Exact neighbours by blocks of rows: the distance tile where nothing is known of a pair of blocks, no work at all
// where the triangle inequality rules it out. For data with too many features for a kd-tree, and for the cosine.
//
// Rows are put in an order in which neighbours tend to be near each other and cut into blocks of up to 128; a block
// has a centre and a radius. A pair of blocks that may matter goes through the tile in its expanded form (for
// Euclidean lengths) in the type of the data, with a bound on its rounding; every pair that may count is then
// computed directly (Space::distance), so that results have the same bits at every instruction-set level and for any
// number of threads. Memory: two copies of the rows.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "distance/tile.hpp"
#include "neighbors/nearest_list.hpp"
#include "neighbors/space.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::neighbors {

inline constexpr Index block_rows = 128;

/// Rows of a space in blocks.
template <class T>
class BlockedRows {
 public:
  /// Position p holds row order[p]. Centred on `origin` (n_features values) where the tile's form is expanded.
  BlockedRows(const Space<T>& space, std::vector<std::int32_t> order, std::vector<T> origin, Run& run);
  /// The same in blocks [cuts[b], cuts[b + 1]) of at most block_rows.
  BlockedRows(const Space<T>& space, std::vector<std::int32_t> order, std::vector<Index> cuts, std::vector<T> origin,
              Run& run);
  /// In an order of its own: halves along the line between two far rows, down to one block. O(n d log n).
  /// `origin`: what other rows that these are compared with are centred on; empty: their mean.
  BlockedRows(const Space<T>& space, Run& run, std::vector<T> origin = {});

  const Space<T>& space() const { return *space_; }
  Index n() const { return static_cast<Index>(order_.size()); }
  Index count() const { return static_cast<Index>(begin_.size()) - 1; }
  Index begin(Index b) const { return begin_[static_cast<std::size_t>(b)]; }
  Index end(Index b) const { return begin_[static_cast<std::size_t>(b) + 1]; }
  Index size(Index b) const { return end(b) - begin(b); }
  std::int32_t row(Index position) const { return order_[static_cast<std::size_t>(position)]; }
  const T* data(Index position) const { return space_->rows().row(row(position)); }
  const std::vector<T>& origin() const { return origin_; }
  std::span<const double> centre(Index b) const {
    const auto d = static_cast<std::size_t>(space_->rows().n_features);
    return {centre_.data() + static_cast<std::size_t>(b) * d, d};
  }
  double radius(Index b) const { return radius_[static_cast<std::size_t>(b)]; }

 private:
  template <class U>
  friend class PairTile;
  template <class U>
  friend bool are_apart(const BlockedRows<U>&, Index, const BlockedRows<U>&, Index, double);
  void fill(Run& run);

  const Space<T>* space_;
  std::vector<std::int32_t> order_;
  std::vector<Index> begin_;
  std::vector<T> origin_;
  AlignedVector<T> copy_;   // by position, centred if the form is expanded
  AlignedVector<T> shift_;  // by position: what scan adds, half the squared norm if the form is expanded, else 0
  std::vector<distance::PackedRows<T>> packed_;
  std::vector<double> sq_norm_;  // of a block: the largest
  std::vector<double> centre_, radius_;
};

/// The length (Space::length) that no row of block a of x is nearer than to a row of block b of y; rounded down.
template <class T>
double least_length(const BlockedRows<T>& x, Index a, const BlockedRows<T>& y, Index b);

/// True when no row of block a of x is within `distance` of a row of block b of y, by looking at the rows: along the
/// line between the centres, which in many features parts groups that their radii do not. May miss that it is so.
template <class T>
bool are_apart(const BlockedRows<T>& x, Index a, const BlockedRows<T>& y, Index b, double distance);

/// One thread's work space: the tile values of a pair of blocks, and the pairs within given bounds.
template <class T>
class PairTile {
 public:
  PairTile(const BlockedRows<T>& lanes, const BlockedRows<T>& rows);

  /// Computes block a of the lanes against block b of the rows.
  void load(Index a, Index b);
  /// lane i wants pairs up to this distance; row j likewise: a pair is reported when either does.
  void want_lane(Index i, double distance) { bound_[static_cast<std::size_t>(i)] = bound_of(distance); }
  void want_row(Index j, double distance) { row_bound_[static_cast<std::size_t>(j)] = bound_of(distance); }
  /// Pairs (row << 16 | lane) of rows [begin, end) within the bounds, and perhaps a few more.
  std::span<const std::uint32_t> scan(Index begin, Index end);

 private:
  T bound_of(double distance) const;

  const BlockedRows<T>* lanes_;
  const BlockedRows<T>* rows_;
  distance::Form form_;
  AlignedVector<T> values_, scratch_, shift_, bound_, row_bound_;
  std::vector<std::uint32_t> hits_;
  double error_ = 0;
  Index n_lanes_ = 0;
};

/// near[i * k + r] is the r-th nearest row of y to row i of x, ties by row.
/// Precondition: near has x.n() * k entries; 1 <= k <= y.n().
template <class T>
void k_nearest(const BlockedRows<T>& x, const BlockedRows<T>& y, Index k, std::span<Near<double>> near, Run& run);

/// The same among the rows of x, a row being no neighbour of itself: every pair of blocks is looked at once. Reports
/// its progress as stage "neighbours". Precondition: 1 <= k < x.n().
template <class T>
void k_nearest_others(const BlockedRows<T>& x, Index k, std::span<Near<double>> near, Run& run);

}  // namespace shoal::neighbors
