// BIRCH (Zhang, Ramakrishnan and Livny, SIGMOD 1996): a tree of clustering features, built in one pass over the data,
// with the features of BETULA (Lang and Schubert, Information Systems 108, 2022).
//
// A feature is (n, mean, S): the weight of its samples, their mean and the sum of their squared deviations from it. Two
// features add up to
//   n = n_a + n_b,  mean = mean_a + (n_b / n) (mean_b - mean_a),  S = S_a + S_b + (n_a n_b / n) |mean_a - mean_b|^2
// where no two large numbers are subtracted: unlike sums of x and |x|^2 these do not lose their digits when the data
// lie far from zero.
//
// A sample goes down from the root, in every node to the nearest mean (the first of equals), and joins the feature it
// meets in the leaf if the radius sqrt(S / n) of both together is at most the threshold; else it is a new feature
// there. A node with more features than the branching factor is split: the two farthest apart take the others, each the
// nearer ones. Order of samples, ties and splits as in scikit-learn, whose subclusters come out up to rounding.
//
// When the features are more than `max_subclusters`, or the nodes more than `max_nodes`, the threshold grows to the
// median of the radii that neighbours in a leaf would have together, and the features, leaf by leaf, are put into a new
// tree, the leaves being freed on the way.
//
// A node keeps its means feature by feature, so that one vector holds one feature of many children. Cost: O(d B log_B
// m) per sample for m features, O(m d) memory. Serial; distances have the same bits at every instruction set.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"
#include "simd/dispatch.hpp"

namespace shoal::hierarchy {

struct BirchOptions {
  double threshold = 0.5;  // >= 0
  Index branching_factor = 50;
  Index max_subclusters = 0;  // 0: no bound
  Index max_nodes = 0;        // 0: no bound; else >= 4
};

/// A tree written out level by level. Node i, the root first, has the entries [first[i], first[i + 1]); child[e] is a
/// node, or -1 in a leaf.
struct FlatTree {
  std::vector<std::int64_t> first{0};
  std::vector<std::int32_t> child;
  std::vector<double> weight;        // per entry
  std::vector<double> sq_dev;        // S per entry, 0 above the leaves
  std::vector<double> mean;          // n_features per entry
  std::vector<std::int32_t> leaves;  // nodes, as they follow each other
  std::vector<std::int64_t> order;   // the entries of the leaves by their means, first feature first
  double threshold = 0;
};

struct FlatTreeView {
  std::span<const std::int64_t> first;
  std::span<const std::int32_t> child;
  std::span<const double> weight, sq_dev, mean;
  std::span<const std::int32_t> leaves;
};

class BirchTree {
 public:
  BirchTree(Index n_features, const BirchOptions& options);
  BirchTree(Index n_features, const BirchOptions& options, const FlatTreeView& flat);

  /// Puts a feature into the tree: a sample is (1, x, 0). Returns the id of the leaf feature it is part of.
  /// Precondition: weight > 0.
  std::int32_t insert(const double* mean, double weight, double sq_dev);

  /// True when a bound is exceeded: then shrink().
  bool too_large() const;
  /// Grows the threshold and rebuilds until the bounds hold with room to spare. new_id[id] is the id of the feature
  /// that the feature `id` went into.
  void shrink(std::vector<std::int32_t>& new_id, Run& run);

  /// Writes the tree out; place[id] is the place of the feature `id` in its order.
  FlatTree flat(std::vector<std::int32_t>* place) const;

  /// Bytes of a node.
  static Index node_bytes(Index n_features, Index branching_factor);

 private:
  struct Node {
    Node(Index n_features, Index stride, bool leaf);
    Index count = 0;
    bool leaf;
    Node* next = nullptr;        // of a leaf
    AlignedVector<double> mean;  // feature p of entry c at mean[p * stride + c]
    std::vector<double> weight, sq_dev;
    std::vector<std::unique_ptr<Node>> child;  // of an inner node
    std::vector<std::int32_t> id;              // of a leaf
  };
  struct LeafChain;
  struct Step {
    Node* node;
    Index entry;
  };

  std::unique_ptr<Node> new_node(bool leaf);
  Step nearest(Node& node, const double* x, double& sq_dist) const;
  void append(Node& node, const double* mean, double weight, double sq_dev, std::int32_t id);
  void move_entry(Node& from, Index entry, Node& to);
  void add(Node& node, Index entry, const double* mean, double weight) const;
  void sum_up(const Node& node, double* mean, double& weight) const;
  void put(Node& node, Index entry, const double* mean, double weight) const;
  void read(const Node& node, Index entry, double* mean) const;
  std::unique_ptr<Node> split(Node& node);
  double next_threshold() const;
  void restart();

  Index n_features_, stride_;
  BirchOptions options_;
  std::unique_ptr<Node> root_;
  Node* first_leaf_ = nullptr;
  Index n_subclusters_ = 0, n_nodes_ = 0;
  std::int32_t next_id_ = 0;
  std::vector<Step> path_;
  std::vector<double> sum_, row_, distances_;
};

/// Rows of samples, dense or compressed sparse.
template <class T>
struct BirchRows {
  Points<const T> dense;
  std::span<const T> value;
  std::span<const std::int32_t> column, start;

  bool sparse() const { return dense.data == nullptr; }
};

struct BirchFit {
  FlatTree tree;
  std::vector<std::int32_t> subcluster;  // of each sample, as things stood at the end; empty unless asked for
};

/// Puts samples into a tree, one after the other; those of weight 0 are left out (subcluster -1).
template <class T>
BirchFit birch_fit(BirchTree& tree, const BirchRows<T>& x, Index n_samples, Index n_features, Weights<double> weight,
                   bool want_subcluster, Run& run);

/// The center nearest to each sample, the first of equals, given the subcluster each sample is part of (-1: not known):
/// only centers within the distances to the own one and to the nearest so far are looked at, in shells around the own.
/// Precondition: centers ascend in their first feature. O(m^2 d) for m centers, and then little more than what is near
/// for each sample; 12 bytes per sample and two copies of the centers per thread. Squared distances are the sums of
/// squared differences in the order of the features.
template <class T>
std::vector<std::int32_t> birch_nearest(const BirchRows<T>& x, Points<const double> centers,
                                        std::span<const std::int32_t> own, Run& run);

/// Puts features into a tree.
FlatTree birch_merge(BirchTree& tree, Points<const double> mean, std::span<const double> weight,
                     std::span<const double> sq_dev, Run& run);

// --- the inner loops (birch.simd.cpp) -----------------------------------------------------------------------

struct BirchKernels {
  /// The entry nearest to x among `count`, the first of equals, and its squared distance. Feature p of entry c is
  /// mean[p * stride + c]; lanes up to the stride are readable.
  Index (*nearest)(const double* x, Index n_features, const double* mean, Index stride, Index count, double* sq_dist);
  /// out[c] = the squared distance from x to entry c, c < count (out has room for a stride).
  void (*sq_distances)(const double* x, Index n_features, const double* mean, Index stride, Index count, double* out);
};
const BirchKernels& birch_kernels();

}  // namespace shoal::hierarchy

namespace shoal {
SHOAL_DECLARE_TABLE(hierarchy::BirchKernels, birch_table)
}  // namespace shoal
