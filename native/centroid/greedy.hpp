// The greedy k-means++ start: of a few draws per centre the one that lowers the sum of squared distances most.
#pragma once
#include <vector>

#include "centroid/rows.hpp"
#include "centroid/update.hpp"
#include "parallel/run.hpp"
#include "random/philox.hpp"

namespace shoal::centroid {

/// See kmeans_plusplus. Precondition: n_draws >= 1.
template <class T>
std::vector<Index> greedy_plusplus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws,
                                   random::Stream stream, const Moments* known, Run& run);

}  // namespace shoal::centroid
