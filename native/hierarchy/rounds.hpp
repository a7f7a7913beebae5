// Complete, average, weighted and ward linkage of rows, on the triangle of their distances, in rounds: all pairs that
// are each other's nearest merge at once.
//
// M. Bruynooghe, "Classification ascendante hiérarchique des grands ensembles de données", Les Cahiers de l'Analyse des
// Données 3(1), 1978. These linkages are reducible (a union is no nearer than the nearer of its parts), so two clusters
// that are each other's nearest stay so until they merge, whatever else merges. A round writes the triangle of what is
// left over the old one, front to back: a few rows at a time instead of the scattered looks down columns of the chain
// of nearest neighbours. Where few pairs are found that would not pay, and the chain takes over.
//
// Equally near clusters: in rounds the one with the smallest first row, in the chain the other. There is always a pair:
// of the clusters that are nearest of all to some other, the first and its first such partner. Results have the same
// bits for any number of threads.
//
// Cost: O(n^2) for n clusters in a round, in parallel; as a rule a sixth of them or more go in each, so O(n^2) in all.
// Memory: the triangle, at most a sixteenth of it (from 512 clusters on) for the rows being written, a copy of the
// data, O(n).
#pragma once
#include <vector>

#include "hierarchy/merges.hpp"
#include "hierarchy/triangle.hpp"
#include "parallel/run.hpp"

namespace shoal::hierarchy {

/// Merges, each after those that made its clusters; heights never below those. Distances are kept as T.
/// `fewest`: a round that finds fewer pairs than this part of the clusters hands over to the chain.
/// Precondition: distances are finite; update is complete, average, weighted or ward.
template <class T>
std::vector<Merge> merge_by_rounds(Update update, const Metric& metric, Points<const double> x, Weights<double> weight,
                                   double fewest, Run& run);

}  // namespace shoal::hierarchy
