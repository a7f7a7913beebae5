// What the assigners share; assignment.hpp is what others use.
#pragma once
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "centroid/assignment.hpp"
#include "centroid/kernels.hpp"
#include "centroid/row_kernels.hpp"

namespace shoal::centroid {

/// Whether values v prove which centre is nearest. A few centres may lie far from all others: their own v have large
/// errors, but to a sample near the others they are no rivals, and do not count there.
template <class T>
class Proof {
 public:
  void prepare(Points<const T> centers, const T* origin);

  /// True: the centre with the least v, `value`, is nearer than all others, of which `second` is the least v; in exact
  /// arithmetic, and by more than what comparing distances can lose. Precondition: norm >= |x - origin|.
  bool holds(T norm, T value, T second) const { return limits_.proven(norm, value, second); }
  const ProofLimits<T>& limits() const { return limits_; }
  /// At least |centre - origin|.
  T norm(Index center) const { return norms_[static_cast<std::size_t>(center)]; }

 private:
  ProofLimits<T> limits_;
  std::vector<T> norms_;
};

/// Labels that no proof was found for, by comparing distances.
template <class T>
std::int32_t compare_distances(const T* row, Points<const T> centers, std::vector<T>& scratch) {
  scratch.resize(static_cast<std::size_t>(centers.n_samples));
  return row_kernels<T>().nearest(row, centers, scratch.data());
}

/// For all samples or some: what screening leaves open.
template <class T>
class ExactAssigner : public Assigner<T> {
 public:
  virtual void assign_listed(std::span<const std::int32_t> listed, int thread, std::int32_t* label) = 0;
  /// What prepare() shifted the centres by.
  virtual const T* origin() const = 0;
};
template <class T>
std::unique_ptr<ExactAssigner<T>> make_exact(Points<const T> x, Index n_clusters, Index n_passes);

/// Every distance, exactly (lloyd.cpp) or as far as needed (screened.cpp; null where that does not pay).
template <class T>
std::unique_ptr<Assigner<T>> make_lloyd(const Rows<T>& x, Index n_clusters, Index n_passes);
template <class T>
std::unique_ptr<Assigner<T>> make_screened(Points<const T> x, Index n_clusters, Index n_passes);

/// With bounds (hamerly.cpp, grouped_bounds.cpp).
template <class T>
std::unique_ptr<Assigner<T>> make_hamerly(Points<const T> x, Index n_clusters);
template <class T>
std::unique_ptr<Assigner<T>> make_yinyang(Points<const T> x, Index n_clusters);
template <class T>
std::unique_ptr<Assigner<T>> make_elkan(Points<const T> x, Index n_clusters);

/// The largest |centre - origin|, rounded up.
template <class T>
T largest_norm(Points<const T> centers, const T* origin);

/// Centres in groups of lanes. `order` lists the centres group after group; a short last group leaves lanes empty.
template <class T>
CenterLanes<T> pack_lanes(Points<const T> centers, const T* origin, std::span<const std::int32_t> order);

inline std::vector<std::int32_t> identity(Index k) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(k));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace shoal::centroid
