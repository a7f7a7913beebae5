// DBSCAN (Ester, Kriegel, Sander and Xu, KDD 1996), exact, in O(n) memory whatever the radius.
//
// A sample is a *core* sample when the weight of the samples within its reach, itself included, is at least
// min_samples. Clusters are the connected components of the core samples under "within reach", numbered by their
// first core sample; every other sample takes the smallest number among the core samples within its reach, or -1.
// These are scikit-learn's labels: it expands clusters in order of their first core sample, and the first that
// reaches a border sample keeps it.
//
// Three passes over a tree of cells (cells.hpp), none of which stores whole neighbourhoods:
//   count  every leaf that is not dense looks for the weight around its samples until all of them have enough;
//   link   pairs of nodes are joined by union-find, larger nodes first taken apart; a pair whose two nodes are one
//          component already, or out of reach, costs nothing more, and two connected nodes need one pair of samples;
//   border samples that are not core look for the smallest number around.
// With many features, where boxes hardly keep two nodes apart, the first pass also keeps up to 16 neighbours of each
// sample (cut off when it has enough). They connect nearly all there is to connect, so that linking is left to the
// samples that are not yet one with the rest of their leaf (LinkPass::link_strays), and a sample with few neighbours,
// all of them kept, needs no second look to find its cluster. Where samples have few neighbours and boxes keep nothing
// apart, all pairs are looked at once instead, and those that are near are kept (pairs.hpp).
//
// Cost: O(n d depth) for the tree; what is left after pruning of n^2 d / 2 for the distances. Memory: 24 bytes per
// sample and feature and about 60 per sample, 40 to 75 more where neighbours are kept, 210 and 5 per
// feature where pairs are. The labels do not depend on the number of threads or the instruction set: counts are
// compared, components are sets, and every distance has one value (reach.hpp).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "density/reach.hpp"
#include "parallel/run.hpp"

namespace shoal::density {

struct DbscanResult {
  std::vector<std::int32_t> labels;        // -1: noise
  std::vector<std::int64_t> core_samples;  // ascending
};

/// Precondition: weight is empty or has one finite value per row, negative ones allowed; reach.radius is not NaN.
template <class T>
DbscanResult dbscan(Points<const T> x, std::span<const double> weight, const Reach& reach, double min_samples,
                    Run& run);

/// DBSCAN on a square matrix of distances: sample j is within reach of sample i when x[i][j] <= eps. Rows may
/// disagree with columns; clusters are then what scikit-learn's expansion reaches. Cost O(n^2), memory O(n).
template <class T>
DbscanResult dbscan_precomputed(Points<const T> x, std::span<const double> weight, double eps, double min_samples,
                                Run& run);

/// The same for stored distances in compressed rows: pairs that are not stored are out of reach.
template <class T>
DbscanResult dbscan_graph(std::span<const T> values, std::span<const std::int32_t> columns,
                          std::span<const std::int32_t> row_start, std::span<const double> weight, double eps,
                          double min_samples, Run& run);

/// out[i] = label of the row of `cores` nearest to row i of x, a tie going to the smaller row; -1 where none is within
/// reach.
template <class T>
void dbscan_predict(Points<const T> cores, std::span<const std::int32_t> core_labels, Points<const T> x,
                    const Reach& reach, std::span<std::int32_t> out, Run& run);

}  // namespace shoal::density
