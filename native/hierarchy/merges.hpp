// Merges of clusters as they are found, and the linkage matrix that they make.
#pragma once
#include <cstdint>
#include <vector>

#include "base/points.hpp"

namespace shoal::hierarchy {

/// The clusters that hold rows a and b merge.
struct Merge {
  double height;
  std::int32_t a, b;
};

/// Row i joins nodes left < right into node n + i, of weight size; nodes below n are rows of the data.
struct Tree {
  std::vector<std::int32_t> left, right;
  std::vector<double> height, size;
};

/// The tree of n - 1 merges. With `sort`, in ascending order of height, equal heights in the order given, as SciPy
/// sorts them; without, in the order given. O(n log n). `ordered`: left < right; otherwise left is the node of a.
Tree tree_of(std::vector<Merge>&& merges, Weights<double> weight, bool sort, bool ordered = true);

/// Raises heights that rounding has put below those of what they are made of. Precondition: every merge comes after
/// those that made its clusters.
void raise_heights(std::vector<Merge>& merges);

}  // namespace shoal::hierarchy
