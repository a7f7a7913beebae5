// Complete, average, weighted and ward linkage on given distances, by the chain of nearest neighbours.
//
// J.-P. Benzécri, "Construction d'une classification ascendante hiérarchique par la recherche en chaîne des voisins
// réciproques", Les Cahiers de l'Analyse des Données 7(2), 1982; distances to merged clusters by G. N. Lance and W. T.
// Williams, "A general theory of classificatory sorting strategies", The Computer Journal 9(4), 1967; in the form of
// D. Müllner, "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378, 2011.
//
// The order in which clusters are looked at, the choice among equally near ones and the arithmetic are SciPy's, so
// that the merges are SciPy's, also where distances tie: the chain starts at the first cluster; it prefers the one
// it came from, then the first; the union of x < y stands at the place of y.
//
// A cluster's nearest neighbour, once known, stays nearest until it merges (these linkages are reducible: a union is
// no nearer than the nearer of its parts), so a row is looked at only when it must be: once at the start, all of them
// in one pass; for a union, while its distances are computed; and when its neighbour has gone into a union that is
// not nearer than the second nearest was. The triangle is cut down to the living clusters whenever half have gone.
//
// Cost: O(n^2), about n^2 / 2 looks down a column and as many along rows; memory: the triangle and O(n).
#pragma once
#include <vector>

#include "hierarchy/merges.hpp"
#include "hierarchy/triangle.hpp"

namespace shoal::hierarchy {

/// Merges in the order in which the chain finds them; destroys the triangle. `weight`: the sizes at the start; `done`:
/// merges that progress counts as made. Precondition: distances are finite or +inf, not NaN; update is complete,
/// average, weighted or ward; for ward between weighted samples, distances have their ward_factor.
template <class T>
std::vector<Merge> merge_by_chain(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run,
                                  Index done = 0);

}  // namespace shoal::hierarchy
