// Bisecting k-means: one cluster is split in two by 2-means, again and again.
//
// M. Steinbach, G. Karypis, V. Kumar, "A comparison of document clustering techniques", KDD Workshop on Text Mining
// 2000. The splits make a binary tree. A sample goes down it by the nearer of the two centres of a node's children, a
// tie to the left; that is how the fit parts the samples and how predict labels them, with the same bits. Leaves are
// the clusters, numbered from left to right. Each split is Lloyd's algorithm on the members of one leaf, gathered
// once; a sample's side is one product (halves.hpp), sums follow the samples that change sides. On a large leaf it
// starts from what it found on a part of the members (P. S. Bradley, U. M. Fayyad, "Refining initial points for
// k-means clustering", ICML 1998), so that few steps see them all.
//
// Cost: O(n d) per Lloyd step of a leaf of n samples, with log2(k) levels for even splits. Memory: a copy of the
// members of the leaf that is split, one of all rows when they are short (dense data), 26 bytes per sample,
// (2 k - 1) d centres. Members are kept in an order given by their values (a hash of the row), draws walk them in
// this order: results have the same bits for any number of threads and, up to equal hashes, for any order of the
// rows; a row of weight w acts as w copies of it.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

struct BisectingOptions {
  Index n_clusters = 8;
  Index n_init = 1;
  Index max_iter = 300;    // Lloyd steps of one 2-means
  double tol = 1e-4;       // it stops when the squared moves of both centres sum to no more than this times the mean
                           // feature variance of the members
  bool by_inertia = true;  // split the leaf with the largest inertia; else the one with the largest weight
  bool plusplus = false;   // start 2-means by k-means++; else by two distinct members drawn by weight
  bool spherical = false;  // samples have unit length, and so have centres
  std::uint64_t seed = 0;
};

/// Makes the two starting centres for the listed samples (ascending), row-major; called on the entering thread.
template <class T>
using TwoCenters = std::function<void(std::span<const std::int32_t> members, T* centers)>;

/// Node 0 is the root; child[i] and child[i] + 1 are the children of node i, left and right, or child[i] is -1.
template <class T>
struct BisectingTree {
  std::vector<std::int32_t> child;
  std::vector<T> centers;  // child.size() x n_features
};

template <class T>
struct BisectingResult {
  BisectingTree<T> tree;             // with n_clusters leaves
  std::vector<std::int32_t> labels;  // of every sample; what bisecting_assign gives for the tree
  std::vector<T> centers;            // of the leaves
  double inertia = 0;
  Index n_found = 0;  // leaves that hold samples; the others, last in order, stand on the last of these
};

/// `start` replaces the drawn starts when it is set.
/// Precondition: 1 <= n_clusters <= n_samples, both dimensions of x positive, all values finite.
template <class T>
BisectingResult<T> bisecting_fit(const Rows<T>& x, Weights<T> weight, const BisectingOptions& options,
                                 const TwoCenters<T>& start, Run& run);

/// The leaf of every sample, leaves numbered from left to right. O(n depth d).
template <class T>
void bisecting_assign(const Rows<T>& x, std::span<const std::int32_t> child, Points<const T> centers,
                      std::span<std::int32_t> labels, Run& run);

}  // namespace shoal::centroid
