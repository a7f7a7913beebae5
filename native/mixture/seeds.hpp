// The start of local Gaussian clustering: one centroid per occupied box of a grid.
//
// Y.-Y. Tai, "An efficient clustering algorithm from the measure of local Gaussian distribution", 2017, step b. The
// grid of boxes of side `side` starts at the smallest value of every feature. It is never enumerated: the points are
// hashed to boxes, and a node of the R-tree that lies in one box goes there as a whole, with its stored weight and sum.
//
// Cost: O(nodes cut by the grid), at most O(n d); memory O(occupied boxes * d). Serial; sums in the order of the tree:
// the same bits in every run.
#pragma once
#include <vector>

#include "neighbors/r_tree.hpp"

namespace shoal::mixture {

/// By falling weight, ties by the box's place in the grid (lexicographic).
struct Seeds {
  std::vector<double> centers;  // n_seeds * n_features: the weighted mean of each box's points
  std::vector<double> weight;   // n_seeds; > 0
};

/// Precondition: side > 0; the data span fewer than 2^52 boxes in every feature.
template <class T>
Seeds grid_seeds(const neighbors::RTree<T>& tree, double side, Run& run);

/// About how many different points there are: exact below 4096, else to a few percent, whatever their weights and their
/// order. From the smallest hashes (Z. Bar-Yossef et al., "Counting distinct elements in a data stream", RANDOM 2002).
template <class T>
double count_distinct(const neighbors::RTree<T>& tree, Run& run);

}  // namespace shoal::mixture
