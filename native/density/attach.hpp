// Neighbours for what is not one point each: core distances of weighted rows, and new rows.
//
// A new row joins a single linkage tree that is left as it is. Its core distance is the distance within which
// min_samples fitted rows (or that weight) lie; it is attached to the fitted row of least mutual reachability, of
// equals to the nearest, then to the first. A fitted row is thereby attached to itself, at its own core distance.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "neighbors/kd_tree.hpp"
#include "neighbors/mst.hpp"

namespace shoal::density {

struct Attachment {
  std::vector<std::int32_t> row;  // of the fitted rows
  std::vector<double> height;     // the mutual reachability with it
};

/// Cost: the 2 min_samples nearest of every new row, more where the densest lie beyond them.
template <class T>
Attachment attach(const neighbors::Space<T>& rows, const neighbors::Space<T>& fitted, std::span<const double> core,
                  const neighbors::Reachability& reach, Run& run);
Attachment attach(Points<const double> rows, const neighbors::KDTree<double>& fitted, std::span<const double> core,
                  const neighbors::Reachability& reach, Run& run);

/// core[i] = the distance within which weight reach.min_samples lies around row i of the tree, its own included.
/// Cost: min_samples nearest of every row, twice as many for all while the weight within them is not enough.
/// Precondition: the sum of weights is at least min_samples.
void weighted_core_distances(const neighbors::KDTree<double>& tree, const neighbors::Reachability& reach,
                             std::span<double> core, Run& run);

}  // namespace shoal::density
