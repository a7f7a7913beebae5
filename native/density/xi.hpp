// Clusters from the steep areas of a reachability plot (Ankerst et al., SIGMOD 1999, section 4.3, figure 19), with
// scikit-learn's corrections: the plot ends with inf, a steep point falls or rises by a factor of at least 1 - xi,
// and a cluster's end moves left until it was reached from inside the cluster (Schubert and Gertz, LWDA 2018).
//
// Cost O(n) for the plot and O(length) for every pair of a steep down and a steep up area; memory O(n).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::density {

/// First and last place in the plot, both in the cluster.
struct XiCluster {
  std::int64_t start, end;
};

struct XiResult {
  std::vector<XiCluster> clusters;   // smaller ones before those that hold them
  std::vector<std::int32_t> labels;  // by sample; of the smallest clusters, -1 outside of all
};

/// `reachability` and `predecessor` are in order of the plot; `ordering` is the sample at each place.
/// Precondition: predecessor[i] is -1 or in [0, n); 0 <= xi <= 1; the sizes are at least 2.
XiResult xi_clusters(std::span<const double> reachability, std::span<const std::int64_t> predecessor,
                     std::span<const std::int64_t> ordering, double xi, Index min_samples, Index min_cluster_size,
                     bool predecessor_correction, Run& run);

}  // namespace shoal::density
