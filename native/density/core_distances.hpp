// Core distances: how far each sample has to look to find k samples, itself included.
//
// One search of the tree of boxes (cells.hpp) for the samples of each leaf, from that leaf outwards, with a heap of the
// k smallest norms for each. Cost O(log n + k log k) norms per sample for few features, O(n) at worst; memory: the tree
// and, per thread, k values for each sample of a leaf. The value is the k-th smallest of all norms, whatever the tree
// looks like: no tie to break.
#pragma once
#include <span>

#include "base/points.hpp"
#include "density/cells.hpp"
#include "density/reach.hpp"
#include "parallel/run.hpp"

namespace shoal::density {

/// out[i] = k-th smallest norm (see Reach; its radius is not used) between the sample at position i and the samples
/// of the tree, itself among them. Precondition: 1 <= k <= tree.n_samples.
void core_norms(const CellTree& tree, const Reach& reach, Index k, std::span<double> out, Run& run);

/// A tree for searches without a radius.
template <class T>
CellTree build_search_tree(Points<const T> x, const Reach& reach, Run& run);

/// Turns norms into distances of the metric. When `reaching`, each is the smallest number (but for subnormal
/// norms) that reach_of() takes for a radius of at least the norm; else it is rounded as usual.
void to_distances(std::string_view metric, double p, bool reaching, std::span<double> norms);

}  // namespace shoal::density
