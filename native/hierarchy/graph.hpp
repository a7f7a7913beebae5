// Agglomeration along a graph: only clusters that an edge connects may merge. For ward, complete and average linkage.
//
// The two connected clusters that are nearest merge, found by a heap of edges in which those of clusters that have gone
// are left until they come up. Distances, the order of the heap and so the choice among ties are scikit-learn's:
// ward compares (distance, the later cluster, the other); complete and average compare the distance alone, and the
// order of equal ones is that of Python's heapq. Where only one of two merging clusters has an edge to a third, its
// distance is that edge's.
//
// Cost: O((n + m) log(n + m)) heap operations and O(d) per edge that is looked at, m edges at the start; a cluster
// with many neighbours is passed over once per merge it takes part in. Memory O(n d + m) at the start, with more edges
// as clusters merge.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::hierarchy {

/// A symmetric graph: neighbours of i, ascending, at indices[indptr[i] .. indptr[i + 1]). An edge i, i is no edge.
struct Graph {
  std::span<const std::int32_t> indptr, indices;
  Index n() const { return static_cast<Index>(indptr.size()) - 1; }
};

/// Merge i joins nodes first[i] and second[i] into node n + i.
struct Agglomeration {
  std::vector<std::int32_t> first, second;
  std::vector<double> height;
};

/// Merges until n_clusters are left; the height is |A| |B| / (|A| + |B|) |a - b|^2 of means a, b.
/// Precondition: the graph is connected; n_clusters >= 1.
Agglomeration merge_graph_ward(Points<const double> x, Weights<double> weight, const Graph& graph, Index n_clusters,
                               Run& run);

/// The same by the largest (`complete`) or mean distance; distances[e] is that of edge indices[e].
Agglomeration merge_graph(bool complete, std::span<const double> distances, Weights<double> weight, const Graph& graph,
                          Index n_clusters, Run& run);

}  // namespace shoal::hierarchy
