// The exact minimum spanning tree of all pairs of points, weighted by distance or by mutual reachability, on a k-d
// tree.
//
// The weight of a pair is max(core_i, core_j, d(i, j) / alpha); without core distances it is d(i, j) / alpha. Edges are
// ordered by (weight, smaller row, larger row): no two are equal, so the tree is unique.
//
// O. Borůvka, "O jistém problému minimálním", 1926: the least edge that leaves a component is in the tree. Found by one
// search of the k-d tree per point, as W. B. March, P. Ram, A. G. Gray, "Fast Euclidean minimum spanning tree:
// algorithm, analysis, and applications", KDD 2010, but with single queries, which leave out
//   - nodes whose points are all of the component that asks, and nodes whose core distances are all too large;
//   - nodes farther than the least edge known to leave the component;
//   - points for which an earlier search has shown that nothing outside is near enough, or whose neighbour found then
//     is still outside: components only grow, so what was nearest outside stays nearest until it comes inside.
// The nearest neighbours that core distances need serve as the first searches. A component chooses its edge without the
// largest one having to: everybody else chooses, so the number of components still halves.
//
// Cost: O(n log n) distances in practice for few features, more as the features grow; memory 12 n + n k (4 + sizeof T)
// bytes beside the tree, k = min(min_samples + 2, 16). No recursion. The result has the same bits for any number of
// threads: threads share bounds, and a bound decides how much is searched, never what is found.
#pragma once
#include <span>

#include "neighbors/kd_tree.hpp"
#include "neighbors/spanning_tree.hpp"
#include "parallel/run.hpp"

namespace shoal::neighbors {

/// With core distances = the distance of each point to its min_samples-th nearest, itself the first; they are written
/// to core, in the order of the input, when it is not empty; the tree's own are left empty. min_samples = 1: distances
/// alone. Precondition: 1 <= min_samples <= tree.n_samples(); alpha > 0.
template <class T>
SpanningTree mst_kd_tree(const KDTree<T>& tree, Index min_samples, T alpha, std::span<T> core, Run& run);

/// With these core distances, in the order of the input.
template <class T>
SpanningTree mst_kd_tree(const KDTree<T>& tree, std::span<const T> core, T alpha, Run& run);

}  // namespace shoal::neighbors
