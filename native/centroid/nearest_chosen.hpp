// For every sample the nearest of the rows chosen so far: what starts keep that choose many rows between two passes.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

template <class T>
class NearestChosen {
 public:
  explicit NearestChosen(const Rows<T>& x);

  /// One pass for all of them: the nearest by the tile, its squared distance by differences.
  void add(std::span<const Index> chosen, Run& run);

  /// Squared distance of sample i to the nearest chosen row, and which: 0, 1, ... in the order added.
  T sq(Index i) const { return sq_[static_cast<std::size_t>(i)]; }
  std::int32_t label(Index i) const { return label_[static_cast<std::size_t>(i)]; }
  void set_zero(Index i) { sq_[static_cast<std::size_t>(i)] = 0; }
  /// The chosen rows written out, one after the other.
  const std::vector<T>& rows() const { return rows_; }

 private:
  Rows<T> x_;
  std::vector<T> sq_;
  std::vector<std::int32_t> label_, among_new_;
  std::vector<T> rows_;
};

}  // namespace shoal::centroid
