// Ward linkage of rows in O(n d) memory: clusters are centroids and sizes, pairs that are each other's nearest merge
// in rounds.
//
// J. H. Ward, "Hierarchical grouping to optimize an objective function", JASA 58(301), 1963: the two clusters merge
// whose union adds least to the sum of squares, |A| |B| / (|A| + |B|) |a - b|^2; the height is the root of twice that.
// Two clusters that are each other's nearest stay so until they merge, whatever else merges (the linkage is
// reducible), so all such pairs of a round may merge at once: M. Bruynooghe, "Classification ascendante hiérarchique
// des grands ensembles de données", Les Cahiers de l'Analyse des Données 3(1), 1978.
//
// A round: the nearest of every cluster that has none is found in a k-d tree over the centroids (box, least size per
// node), in parallel; reciprocal pairs merge. Where a round finds few pairs, the chain of nearest neighbours goes on
// until half of the clusters have gone, so that no data take more than O(n^2 d). Leaves and chain are looked at
// by products in single precision with a bound on their error, where the data allow it; what that leaves open is
// computed as it is defined.
//
// Equally near clusters: the one whose last row comes first. The result has the same bits for any number of threads
// and at every instruction-set level. Cost: O(n log^2 n) in practice for few features, O(n^2 d) at most; memory
// 16 d + 60 bytes per row at most.
#pragma once
#include <vector>

#include "hierarchy/merges.hpp"
#include "parallel/run.hpp"

namespace shoal::hierarchy {

struct WardPlan {
  /// A round that finds fewer pairs than this part of the clusters hands over to the chain.
  double fewest;
  /// Stop, with nothing, where another formula's rounding could find other merges, another order of them, or heights
  /// that differ by more than 1e-10 of them.
  bool unless_tied = false;
};

/// Merges; each comes after those that made its clusters.
std::vector<Merge> merge_ward(Points<const double> x, Weights<double> weight, const WardPlan& plan, Run& run);

}  // namespace shoal::hierarchy
