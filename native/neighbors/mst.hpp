// Minimum spanning trees of mutual reachability, exact: from rows by tiles, from a matrix, from a sparse graph.
//
// The mutual reachability of rows i and j is max(core_i, core_j, distance(i, j) / alpha), where core_i is the distance
// within which min_samples rows (or that weight), i among them, lie (Campello, Moulavi, Zimek, Sander: "Hierarchical
// density estimates for data clustering, visualization, and outlier detection", ACM TKDD 10(1), 2015).
// Trees come with their core distances.
#pragma once
#include <cstdint>
#include <span>

#include "base/points.hpp"
#include "neighbors/nearest_list.hpp"
#include "neighbors/space.hpp"
#include "neighbors/spanning_tree.hpp"
#include "parallel/run.hpp"

namespace shoal::neighbors {

struct Reachability {
  double min_samples = 5;  // counts the row itself
  double alpha = 1;
  const double* weight = nullptr;  // one per row, positive; null: one each
  const double* core = nullptr;    // core distances to use instead (mst_tiles only); null: those of min_samples
};

/// From rows. Cost: the k nearest of every row and one look at every pair of blocks of rows that the triangle
/// inequality leaves, O(n^2 d) at the tile's rate at most; memory O(n (d + min_samples)).
/// Precondition: n >= 2, min_samples <= n (or the sum of weights).
template <class T>
SpanningTree mst_tiles(const Space<T>& space, const Reachability& reach, Run& run);

/// From a symmetric matrix of distances, by Prim's algorithm: one look at every row, O(n^2); memory O(n).
template <class T>
SpanningTree mst_matrix(Points<const T> distances, const Reachability& reach, Run& run);

/// From the stored entries of a symmetric CSR matrix of distances (an entry i, i counts as any other): core_i is the
/// min_samples-th smallest of row i, and infinite where there are fewer. A forest has fewer than n - 1 edges.
SpanningTree mst_sparse(Index n, std::span<const double> data, std::span<const std::int32_t> indices,
                        std::span<const std::int32_t> indptr, const Reachability& reach, double max_distance, Run& run);

/// The k nearest others that give row i its core distance: the smallest distance within which the weight is enough,
/// infinite when all k are too few.
double core_distance(const Near<double>* near, Index k, Index i, const Reachability& reach);

}  // namespace shoal::neighbors
