// Density-based clustering validation.
//
// D. Moulavi, P. A. Jaskowiak, R. J. G. B. Campello, A. Zimek, J. Sander: "Density-based clustering validation", SDM
// 2014. In every cluster of n samples in `dimension` dimensions,
//   core(o) = (sum over the others of (1 / distance)^dimension / (n - 1))^(-1 / dimension),
// and the minimum spanning tree of max(core_i, core_j, distance) is taken. Its edges between samples that have more
// than one edge are internal, and so are these samples; where there are none, all are. The sparseness of a cluster is
// its largest internal edge, the separation of two clusters the least mutual reachability of their internal samples,
// and validity = (separation from the nearest - sparseness) / the larger of the two.
//
// Cost: the distances within clusters once, those between clusters that may be the nearest, and a spanning tree per
// cluster; memory O(n d). Powers are taken relative to a sample's nearest neighbour, so none leaves the range of
// numbers. A sample that has a copy in its cluster is infinitely dense: its core distance is 0.
// The same bits for any number of threads.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/clusters.hpp"
#include "neighbors/space.hpp"
#include "parallel/run.hpp"

namespace shoal::metrics {

struct Validity {
  std::vector<double> sparseness, separation, validity;  // of each cluster
};

/// A cluster of one sample has neither: its validity is 0. Samples of cluster -1 take no part.
/// Precondition: at least two clusters.
template <class T>
Validity density_validity(const neighbors::Space<T>& space, std::span<const std::int32_t> cluster, Index n_clusters,
                          double dimension, Run& run);

}  // namespace shoal::metrics
