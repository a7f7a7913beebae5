// Linkage in the order of the heights, by a heap of nearest neighbours: for centroid and median, whose unions may be
// nearer to others than their parts were, so that the chain of nearest neighbours does not apply.
//
// D. Müllner, "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378, 2011, "generic": every
// cluster keeps its nearest among those behind it, or a lower bound of that distance; the least is looked at again
// until it is true. Order, ties and, on given distances, arithmetic are SciPy's, so that the merges are SciPy's also
// where distances tie.
//
// Cost: O(n^2) looks in practice, O(n^3) at worst. Memory: the triangle; from rows O(n d), for distances between
// centroids are computed when they are looked at.
#pragma once
#include <vector>

#include "hierarchy/merges.hpp"
#include "hierarchy/triangle.hpp"

namespace shoal::hierarchy {

/// Merges in their order; heights may fall. Destroys the triangle. Precondition: distances are finite.
template <class T>
std::vector<Merge> merge_by_heap(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run);

/// The same from rows, with Euclidean distances. Precondition: update is centroid or median.
std::vector<Merge> merge_by_heap(Update update, Points<const double> x, Weights<double> weight, Run& run);

}  // namespace shoal::hierarchy
