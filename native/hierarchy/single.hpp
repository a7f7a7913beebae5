// Single linkage: the edges of a minimum spanning tree in the order in which Prim's algorithm finds them.
//
// R. C. Prim, "Shortest connection networks and some generalizations", Bell System Technical Journal 36(6), 1957; J. C.
// Gower, G. J. S. Ross, "Minimum spanning trees and single linkage cluster analysis", Applied Statistics 18(1), 1969.
// Prim's algorithm starts at row 0 and goes to the nearest row that it has not reached, the first of several. A merge
// names the row reached before and the row reached: all rows between two of this order are connected by steps no
// longer than the longest on the way, so both name the right clusters. So do SciPy and scikit-learn.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "hierarchy/merges.hpp"
#include "hierarchy/triangle.hpp"
#include "neighbors/spanning_tree.hpp"
#include "parallel/run.hpp"

namespace shoal::hierarchy {

/// From all distances, computed when they are looked at: O(n^2 d) time, O(n) memory beside a copy of the rows.
std::vector<Merge> merge_single(const Metric& metric, Points<const double> x, Run& run);

/// From a triangle of distances: O(n^2).
template <class T>
std::vector<Merge> merge_single(std::span<const T> condensed, Index n, Run& run);

/// From a spanning tree: O(n log n). Among equally near rows that the tree holds next to those reached, the first.
std::vector<Merge> merge_single(const neighbors::SpanningTree& tree, Run& run);

}  // namespace shoal::hierarchy
