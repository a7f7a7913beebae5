// Assigning samples to their nearest centres, exactly, in several ways that give the same labels.
//
// What is nearest is defined by the points themselves: a label is the centre with the smallest distance as RowKernels::
// nearest compares distances, in double and without cancellation; a tie goes to the smaller centre. Almost always less
// is enough. The tile computes v(x, c) = |c|^2/2 - x.c on data shifted by a middle of the centres, and where the least
// two v differ by more than rounding can have moved them, they prove what is nearest; the accelerated ways keep bounds
// on distances and leave out a centre only when its bound proves, rounding included, that it is further. Where a proof
// fails, distances are compared. So all ways return the same labels.
//
//   Lloyd    every distance, through the tile; few centres: samples against lanes of centres (no packing of x)
//   Hamerly  one bound per sample on all other centres (Hamerly 2010)
//   Yinyang  one bound per sample and group of centres, a group being the lanes of a vector (Ding et al. 2015)
//   Elkan    one bound per sample and centre (Elkan 2003)
//
// Sparse rows are not shifted (their origin is zero) and always take Lloyd's way: one vector of centres per stored
// value.
//
// Cost per pass: n k d multiply-adds at most; bounds: n (Hamerly), n k / group size (Yinyang), n k (Elkan) values.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>

#include "base/points.hpp"
#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

enum class Algorithm { lloyd, hamerly, yinyang, elkan, automatic };

/// The rounding model of v: |computed - exact| <= unit(d) * c_max * (|x - c| + 2 c_max) for the v of every centre, c
/// being any one of them (x's own gives the best bound), c_max the largest |centre - origin|. Generous by a factor of
/// two.
template <class T>
struct Rounding {
  T unit = 0;   // relative error of a sum over the features
  T scale = 0;  // 4 * unit * c_max: twice the error of a difference of two v, as squared distances differ by 2 v
  T floor = 0;  // more than such sums lose where their terms vanish below the smallest number
  T shift = 0;  // 2 c_max, and what adds the floor to the slack

  Rounding() = default;
  Rounding(Index n_features, T c_max);
  /// Squared distances that differ by more than this are in the same order as their v.
  T slack(T own_distance) const { return scale * (own_distance + shift); }
  /// A number not below (above) the distance whose square was computed as `sq`.
  T root_up(T sq) const { return std::sqrt(std::max(sq, T{0}) + floor) * (1 + unit); }
  T root_down(T sq) const { return std::sqrt(std::max(sq - floor, T{0})) * (1 - unit); }
};

/// One way of assigning. Use: prepare() with each new set of centres, then assign() for all blocks.
template <class T>
class Assigner {
 public:
  virtual ~Assigner() = default;

  /// moves[j] >= the distance centre j moved since the last prepare(); ignored by the first.
  virtual void prepare(Points<const T> centers, std::span<const T> moves, Run& run) = 0;

  /// Labels samples [begin, end); label holds the last labels on entry (-1: none), the new ones on return.
  /// Returns how many (sample, centre) values were computed. Different blocks may run on different threads.
  virtual Index assign(Index begin, Index end, int thread, std::int32_t* label) = 0;

  /// Somebody else changed the label of a sample: what is known of it is void.
  virtual void forget(Index sample) = 0;
};

/// `n_passes`: how often all samples will be assigned, but for one last pass, at most. After one, x may be written
/// over, block by block, before assign() is called for the block.
template <class T>
std::unique_ptr<Assigner<T>> make_assigner(Algorithm algorithm, const Rows<T>& x, Index n_clusters, Index n_passes = 1);

/// Values of type T that the bounds of an algorithm take.
template <class T>
Index bounds_size(Algorithm algorithm, Index n_samples, Index n_clusters);

/// A middle of the centres, the origin of the tile: feature by feature the median of some of them, which no far centre
/// drags away. It lies on a grid of powers of two, a feature's step a 16th to a 32nd of the spread of the middle half:
/// coordinates that are multiples of a power of two remain so after the shift.
template <class T>
void middle_of(Points<const T> centers, T* origin);

/// Samples assigned in one call of assign().
template <class T>
Index assign_block_length(const Rows<T>& x);

/// Rough nanoseconds of one assignment on one thread.
template <class T>
double assign_work(const Rows<T>& x, Index n_clusters);

/// One pass over all samples. labels need no initial value.
template <class T>
void assign_all(const Rows<T>& x, Points<const T> centers, std::span<std::int32_t> labels, Run& run);

}  // namespace shoal::centroid
