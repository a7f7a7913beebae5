// The members of one cluster, parted by the nearer of two centres: what 2-means does with its samples.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "centroid/halves.hpp"
#include "centroid/rows.hpp"
#include "parallel/parallel_for.hpp"
#include "simd/aligned.hpp"

namespace shoal::centroid {

/// The rule of a node: a sample x is on side 1 when (x - origin) . delta > threshold, that is when it is nearer to the
/// right centre; a tie stays on side 0. delta is the difference of the centres scaled by a power of two, so that no
/// product leaves the range of T.
template <class T>
struct Cut {
  std::vector<T> delta;
  double threshold = 0;
  int exponent = 0;  // delta is 2^exponent times the difference

  Cut() = default;
  Cut(const T* origin, const T* left, const T* right, Index n_features);
};

/// Sums over samples, about the origin.
struct Totals {
  std::vector<double> values;  // as in halves.hpp: the weighted samples, weight, count, weighted squared norms

  Totals() = default;
  explicit Totals(Index n_features) : values(static_cast<std::size_t>(n_features + extra_sums), 0.0) {}

  std::span<const double> sum() const { return {values.data(), values.size() - extra_sums}; }
  double weight() const { return values[values.size() - 3]; }
  /// Samples of positive weight: weights that cancel leave rounding behind, counts do not.
  double count() const { return values[values.size() - 2]; }
  double sq_norms() const { return values[values.size() - 1]; }

  void add(const Totals& other, double factor = 1) {
    for (std::size_t p = 0; p < values.size(); ++p) values[p] += factor * other.values[p];
  }
};

/// Samples in an order, and of those that load() names, the members, each on side 0 or 1. Loops are cut into chunks by
/// the number of members alone and partial sums are added in chunk order. Sparse rows have their origin at zero.
template <class T>
class Sides {
 public:
  virtual ~Sides() = default;

  /// All samples. The members are some of them in a row.
  std::span<const std::int32_t> order() const { return order_; }

  /// Takes order()[begin, end), about `origin`, all on side 0. The origin must stay as it is.
  void load(Index begin, Index end, const T* origin, Run& run);

  /// All on side 0 again.
  void clear();

  Index size() const { return static_cast<Index>(index_.size()); }
  std::int32_t row(Index member) const { return index_[static_cast<std::size_t>(member)]; }
  const T* origin() const { return origin_; }
  const Totals& all() const { return all_; }
  const Totals& right() const { return right_; }
  double weight(Index member) const { return static_cast<double>(weight_[row(member)]); }

  /// Puts every member on its side of the cut; right() follows. Returns how many changed sides.
  Index decide(const Cut<T>& cut, Run& run);
  /// Some member of positive weight on either side.
  bool both() const { return right_.count() > 0 && right_.count() < all_.count(); }

  /// The sums of both sides; the lighter is added up anew, so that it has no rounding of the heavier.
  std::array<Totals, 2> sums(Run& run);
  /// Weighted squared distances to the centre of the own side, per side.
  std::array<double, 2> inertia(const T* left, const T* right, Run& run);
  /// Squared distances of all members to one sample of x.
  std::vector<T> sq_distances(Index sample, Run& run);

  /// Puts the members of side 0 before those of side 1 in the order; returns how many are on side 0. Load before
  /// anything else is asked.
  Index partition(Run& run);

 protected:
  Sides(const Rows<T>& x, Weights<T> weight, std::vector<std::int32_t> order)
      : x_(x), weight_(weight), order_(std::move(order)), moved_(order_.size()) {}

  virtual parallel::Blocks cut_into_chunks() const = 0;
  virtual Index slots_per_chunk() const { return chunks_.length; }
  virtual void reserve() {}
  /// Called before a decision, with the cut before (none: the members have not been looked at).
  virtual void follow(const Cut<T>*, const Cut<T>&) {}
  virtual void load_chunk(Index c, int thread, Totals& total) = 0;
  virtual Index decide_chunk(Index c, const Cut<T>& cut, int thread, Totals& change) = 0;
  virtual void add_chunk(Index c, std::uint8_t which, int thread, Totals& total) = 0;
  virtual void inertia_chunk(Index c, const T* const centers[2], const double sq_norms[2], double* out) = 0;
  virtual void sq_distances_chunk(Index c, const T* point, double sq_norm, T* out) = 0;
  /// A partition sends the members of chunk c, by their side, to to[side], to[side] + 1, ...; then all are there.
  virtual void move_chunk(Index, const std::array<Index, 2>&) {}
  virtual void end_moves(Run&) {}

  std::span<const std::int32_t> chunk_index(Index c) const {
    return index_.subspan(static_cast<std::size_t>(chunks_.begin(c)),
                          static_cast<std::size_t>(chunks_.end(c) - chunks_.begin(c)));
  }
  std::uint8_t* chunk_side(Index c) { return side_.data() + c * slots_per_chunk(); }
  const std::uint8_t* chunk_side(Index c) const { return side_.data() + c * slots_per_chunk(); }

  Rows<T> x_;
  Weights<T> weight_;
  Index begin_ = 0;  // of the members in the order
  std::span<const std::int32_t> index_;
  const T* origin_ = nullptr;
  parallel::Blocks chunks_;

 private:
  std::vector<std::int32_t> order_, moved_;

  template <class Body>
  Totals reduce(double work_ns, Run& run, Body&& body);
  double work() const;

  std::vector<std::uint8_t> side_;  // slots_per_chunk() for each chunk
  std::vector<Totals> partial_;
  std::optional<Cut<T>> cut_;  // of the last decision
  Totals all_, right_;
};

template <class T>
std::unique_ptr<Sides<T>> make_sides(const Rows<T>& x, Weights<T> weight, std::vector<std::int32_t> order, Run& run);

/// The side of the listed samples; for predict, with the bits of Sides::decide. Scratch is kept between calls.
template <class T>
class Decider {
 public:
  explicit Decider(const Rows<T>& x);
  void operator()(std::span<const std::int32_t> index, const T* origin, const Cut<T>& cut, std::uint8_t* side);

 private:
  Rows<T> x_;
  Index at_once_ = 0;
  AlignedVector<T> panels_;
};

}  // namespace shoal::centroid
