// From single linkage to clusters: condensed tree, selection, labels.
//
// R. J. G. B. Campello, D. Moulavi, A. Zimek, J. Sander: "Hierarchical density estimates for data clustering,
// visualization, and outlier detection", ACM TKDD 10(1), 2015. Every function is linear in the number of points but
// for sorting clusters, and none calls itself. Points that are equally far are treated as the paper does, all at once:
// at a distance h a component falls apart into all of its components below h. So the condensed tree depends on
// mutual reachability alone, neither on the order of the rows nor on which minimum spanning tree was found, and a
// point of weight w is w points. lambda = 1 / distance, infinite at distance 0.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::density {

/// A view of a single linkage tree and of the edges and points it was made of.
struct Linkage {
  std::span<const std::int32_t> u, v;
  std::span<const double> height;
  std::span<const std::int32_t> left, right;
  std::span<const double> size;
  std::span<const double> core;  // core distance of every point
  Weights<double> weight;

  Index n() const { return static_cast<Index>(core.size()); }
};

/// Cluster 0 is the root; a parent has a smaller number than its children.
struct CondensedTree {
  std::vector<std::int32_t> parent;         // of a cluster, -1 for the root
  std::vector<double> birth;                // lambda at which it splits from its parent, 0 for the root
  std::vector<double> size;                 // its weight at birth
  std::vector<std::int32_t> point_cluster;  // the last cluster a point belongs to
  std::vector<double> point_lambda;         // lambda at which it leaves that cluster
};

/// Components that weigh at least min_cluster_size are clusters. Clusters are numbered by their depth in the single
/// linkage tree, then from left to right, left being where Prim's algorithm from point 0 comes first.
CondensedTree condense(const Linkage& linkage, double min_cluster_size, Run& run);

struct Selection {
  bool leaf = false;  // the leaves of the tree; otherwise excess of mass
  bool allow_single_cluster = false;
  double epsilon = 0;           // clusters born at a smaller distance are merged into the ancestor born beyond it
  double max_cluster_size = 0;  // of excess of mass; 0: none
};

struct Clusters {
  std::vector<std::int32_t> labels;
  std::vector<double> probabilities;
  std::vector<std::int32_t> cluster;   // of label l: its number in the tree
  std::vector<double> persistence;     // of label l: stability / (size * the largest lambda), 1 where that is infinite
  std::vector<double> stability;       // of every cluster of the tree
  std::vector<std::int32_t> label_of;  // of every cluster of the tree: the label its points get, -1 if none
  std::vector<double> max_lambda;      // of every cluster: the largest lambda at which anything leaves it
  double single_lambda = 0;            // when the root is the one cluster: its members leave at this lambda or later
};

/// View of a condensed tree.
struct Tree {
  std::span<const std::int32_t> parent;
  std::span<const double> birth, size;
  std::span<const std::int32_t> point_cluster;
  std::span<const double> point_lambda;
  Weights<double> weight;
};

Clusters select_clusters(const Tree& tree, const Selection& selection);

/// GLOSH: 1 - lambda_i / (the largest lambda of the last cluster of point i and of all clusters below it).
std::vector<double> outlier_scores(const Tree& tree);

/// Components of the points joined below `cut`, those lighter than min_cluster_size noise; numbered by first point.
std::vector<std::int32_t> cut_linkage(const Linkage& linkage, double cut, double min_cluster_size);

}  // namespace shoal::density
