#include "hierarchy/birch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "parallel/parallel_for.hpp"

namespace shoal::hierarchy {

const BirchKernels& birch_kernels() {
  return SHOAL_PICK_TABLE(birch_table);
}

namespace {

// Children are laid out in multiples of the widest vector, whatever the level.
constexpr Index padding = 8;

Index stride_of(Index branching_factor) {
  return (branching_factor + 1 + padding - 1) / padding * padding;
}

}  // namespace

BirchTree::Node::Node(Index n_features, Index stride, bool is_leaf)
    : leaf(is_leaf),
      mean(static_cast<std::size_t>(n_features * stride)),
      weight(static_cast<std::size_t>(stride)),
      sq_dev(is_leaf ? static_cast<std::size_t>(stride) : 0),
      child(is_leaf ? 0 : static_cast<std::size_t>(stride)),
      id(is_leaf ? static_cast<std::size_t>(stride) : 0) {}

Index BirchTree::node_bytes(Index n_features, Index branching_factor) {
  return static_cast<Index>(sizeof(Node)) + stride_of(branching_factor) * (8 * n_features + 20);
}

BirchTree::BirchTree(Index n_features, const BirchOptions& options)
    : n_features_(n_features),
      stride_(stride_of(options.branching_factor)),
      options_(options),
      sum_(static_cast<std::size_t>(n_features)),
      row_(static_cast<std::size_t>(n_features)),
      distances_(static_cast<std::size_t>(stride_ * stride_)) {
  restart();
}

void BirchTree::restart() {
  n_nodes_ = 0;
  n_subclusters_ = 0;
  next_id_ = 0;
  root_ = new_node(true);
  first_leaf_ = root_.get();
}

std::unique_ptr<BirchTree::Node> BirchTree::new_node(bool leaf) {
  ++n_nodes_;
  return std::make_unique<Node>(n_features_, stride_, leaf);
}

// --- entries ------------------------------------------------------------------------------------------------

void BirchTree::put(Node& node, Index entry, const double* mean, double weight) const {
  double* at = node.mean.data() + entry;
  for (Index p = 0; p < n_features_; ++p) at[p * stride_] = mean[p];
  node.weight[static_cast<std::size_t>(entry)] = weight;
}

void BirchTree::read(const Node& node, Index entry, double* mean) const {
  const double* at = node.mean.data() + entry;
  for (Index p = 0; p < n_features_; ++p) mean[p] = at[p * stride_];
}

void BirchTree::append(Node& node, const double* mean, double weight, double sq_dev, std::int32_t id) {
  const Index entry = node.count++;
  put(node, entry, mean, weight);
  node.sq_dev[static_cast<std::size_t>(entry)] = sq_dev;
  node.id[static_cast<std::size_t>(entry)] = id;
  ++n_subclusters_;
}

void BirchTree::move_entry(Node& from, Index entry, Node& to) {
  const Index place = to.count++;
  if (&from == &to && place == entry) return;
  const auto source = static_cast<std::size_t>(entry), target = static_cast<std::size_t>(place);
  for (Index p = 0; p < n_features_; ++p) to.mean.data()[p * stride_ + place] = from.mean.data()[p * stride_ + entry];
  to.weight[target] = from.weight[source];
  if (from.leaf) {
    to.sq_dev[target] = from.sq_dev[source];
    to.id[target] = from.id[source];
  } else {
    to.child[target] = std::move(from.child[source]);
  }
}

// The weight and the mean of an entry with another feature added.
void BirchTree::add(Node& node, Index entry, const double* mean, double weight) const {
  double& total = node.weight[static_cast<std::size_t>(entry)];
  total += weight;
  const double share = weight / total;
  double* at = node.mean.data() + entry;
  for (Index p = 0; p < n_features_; ++p) at[p * stride_] += share * (mean[p] - at[p * stride_]);
}

// The same of all entries of a node.
void BirchTree::sum_up(const Node& node, double* mean, double& weight) const {
  weight = node.weight[0];
  read(node, 0, mean);
  for (Index c = 1; c < node.count; ++c) {
    const double own = node.weight[static_cast<std::size_t>(c)];
    weight += own;
    const double share = own / weight;
    for (Index p = 0; p < n_features_; ++p) mean[p] += share * (node.mean.data()[p * stride_ + c] - mean[p]);
  }
}

BirchTree::Step BirchTree::nearest(Node& node, const double* x, double& sq_dist) const {
  return {&node, birch_kernels().nearest(x, n_features_, node.mean.data(), stride_, node.count, &sq_dist)};
}

// --- insertion ----------------------------------------------------------------------------------------------

std::int32_t BirchTree::insert(const double* mean, double weight, double sq_dev) {
  path_.clear();
  Node* node = root_.get();
  double sq_dist = 0;
  while (!node->leaf) {
    path_.push_back(nearest(*node, mean, sq_dist));
    node = node->child[static_cast<std::size_t>(path_.back().entry)].get();
  }
  const auto add_to_path = [&] {
    for (const Step& step : path_) add(*step.node, step.entry, mean, weight);
  };
  if (node->count > 0) {
    const Index entry = nearest(*node, mean, sq_dist).entry;
    const auto e = static_cast<std::size_t>(entry);
    const double total = node->weight[e] + weight;
    const double both = node->sq_dev[e] + sq_dev + sq_dist * (node->weight[e] * (weight / total));
    if (both <= options_.threshold * options_.threshold * total) {
      add(*node, entry, mean, weight);
      node->sq_dev[e] = both;
      add_to_path();
      return node->id[e];
    }
  }
  const std::int32_t id = next_id_++;
  append(*node, mean, weight, sq_dev, id);
  while (node->count > options_.branching_factor) {
    std::unique_ptr<Node> right = split(*node);
    double left_weight, right_weight;
    if (path_.empty()) {
      std::unique_ptr<Node> top = new_node(false);
      sum_up(*root_, sum_.data(), left_weight);
      put(*top, 0, sum_.data(), left_weight);
      sum_up(*right, sum_.data(), right_weight);
      put(*top, 1, sum_.data(), right_weight);
      top->child[0] = std::move(root_);
      top->child[1] = std::move(right);
      top->count = 2;
      root_ = std::move(top);
      return id;
    }
    const Step up = path_.back();
    path_.pop_back();
    sum_up(*node, sum_.data(), left_weight);
    put(*up.node, up.entry, sum_.data(), left_weight);
    sum_up(*right, sum_.data(), right_weight);
    put(*up.node, up.node->count, sum_.data(), right_weight);
    up.node->child[static_cast<std::size_t>(up.node->count++)] = std::move(right);
    node = up.node;
  }
  add_to_path();
  return id;
}

// The two entries farthest apart (the first such pair) take the others: `node` keeps those that are nearer to the
// first, the node that is returned takes the rest. Entries stay in order.
std::unique_ptr<BirchTree::Node> BirchTree::split(Node& node) {
  const Index count = node.count;
  double* distances = distances_.data();
  Index a = 0, b = 0;
  double most = -1;
  for (Index c = 0; c < count; ++c) {
    read(node, c, row_.data());
    birch_kernels().sq_distances(row_.data(), n_features_, node.mean.data(), stride_, count, distances + c * stride_);
    for (Index other = 0; other < count; ++other)
      if (distances[c * stride_ + other] > most) {
        most = distances[c * stride_ + other];
        a = c;
        b = other;
      }
  }
  std::unique_ptr<Node> right = new_node(node.leaf);
  node.count = 0;
  for (Index c = 0; c < count; ++c) {
    const bool left = c == a || distances[a * stride_ + c] < distances[b * stride_ + c];
    move_entry(node, c, left ? node : *right);
  }
  if (node.leaf) {
    right->next = node.next;
    node.next = right.get();
  }
  return right;
}

// --- bounds -------------------------------------------------------------------------------------------------

bool BirchTree::too_large() const {
  return (options_.max_subclusters && n_subclusters_ > options_.max_subclusters) ||
         (options_.max_nodes && n_nodes_ > options_.max_nodes && n_subclusters_ > 1);
}

// The median of the squared radii that features would have together with their best neighbour in the leaf; at least a
// little more than now.
double BirchTree::next_threshold() const {
  std::vector<double> radii;
  std::vector<double> row(static_cast<std::size_t>(n_features_)), distances(static_cast<std::size_t>(stride_));
  for (const Node* leaf = first_leaf_; leaf; leaf = leaf->next)
    for (Index c = 0; leaf->count > 1 && c < leaf->count; ++c) {
      read(*leaf, c, row.data());
      birch_kernels().sq_distances(row.data(), n_features_, leaf->mean.data(), stride_, leaf->count, distances.data());
      double best = std::numeric_limits<double>::infinity();
      for (Index other = 0; other < leaf->count; ++other) {
        if (other == c) continue;
        const auto e = static_cast<std::size_t>(c), o = static_cast<std::size_t>(other);
        const double total = leaf->weight[e] + leaf->weight[o];
        const double both =
            leaf->sq_dev[e] + leaf->sq_dev[o] + distances[o] * (leaf->weight[e] * leaf->weight[o] / total);
        best = std::min(best, both / total);
      }
      radii.push_back(best);
    }
  double median = 0;
  if (!radii.empty()) {
    const auto middle = radii.begin() + static_cast<std::ptrdiff_t>((radii.size() - 1) / 2);
    std::nth_element(radii.begin(), middle, radii.end());
    median = *middle;
  }
  // leaves of one feature each tell nothing; from zero a tiny number starts the growth
  return std::max({std::sqrt(median), options_.threshold * 1.03, 1e-150});
}

// The leaves of a tree without the nodes above them.
struct BirchTree::LeafChain {
  Node* first;

  LeafChain(std::unique_ptr<Node> root, Node* first_leaf) : first(first_leaf) { let_go(std::move(root)); }
  LeafChain(const LeafChain&) = delete;
  LeafChain& operator=(const LeafChain&) = delete;
  ~LeafChain() {
    while (first) drop_first();
  }
  void drop_first() { delete std::exchange(first, first->next); }

 private:
  static void let_go(std::unique_ptr<Node> node) {
    if (node->leaf) {
      (void)node.release();
      return;
    }
    for (Index c = 0; c < node->count; ++c) let_go(std::move(node->child[static_cast<std::size_t>(c)]));
  }
};

void BirchTree::shrink(std::vector<std::int32_t>& new_id, Run& run) {
  new_id.resize(static_cast<std::size_t>(next_id_));
  for (std::size_t id = 0; id < new_id.size(); ++id) new_id[id] = static_cast<std::int32_t>(id);
  const auto roomy = [&] {
    return (!options_.max_subclusters || n_subclusters_ <= std::max<Index>(1, options_.max_subclusters * 9 / 10)) &&
           (!options_.max_nodes || n_nodes_ <= options_.max_nodes * 9 / 10);
  };
  std::vector<std::int32_t> moved;
  std::vector<double> mean(static_cast<std::size_t>(n_features_));
  do {
    options_.threshold = next_threshold();
    moved.resize(static_cast<std::size_t>(next_id_));
    // the leaves leave the old tree one by one, so that both together are hardly larger than the old one
    LeafChain leaves(std::move(root_), first_leaf_);
    restart();
    for (; leaves.first; leaves.drop_first()) {
      const Node& leaf = *leaves.first;
      for (Index c = 0; c < leaf.count; ++c) {
        const auto e = static_cast<std::size_t>(c);
        read(leaf, c, mean.data());
        moved[static_cast<std::size_t>(leaf.id[e])] = insert(mean.data(), leaf.weight[e], leaf.sq_dev[e]);
      }
      run.checkpoint();
    }
    for (std::int32_t& id : new_id) id = moved[static_cast<std::size_t>(id)];
  } while (n_subclusters_ > 1 && !roomy());
}

// --- flat trees ---------------------------------------------------------------------------------------------

FlatTree BirchTree::flat(std::vector<std::int32_t>* place) const {
  FlatTree out;
  out.threshold = options_.threshold;
  std::vector<const Node*> nodes{root_.get()};
  std::vector<double> row(static_cast<std::size_t>(n_features_));
  std::vector<std::pair<const Node*, std::int32_t>> number;
  for (std::size_t i = 0; i < nodes.size(); ++i) {  // level by level
    const Node& node = *nodes[i];
    if (node.leaf) number.emplace_back(&node, static_cast<std::int32_t>(i));
    for (Index c = 0; c < node.count; ++c) {
      const auto e = static_cast<std::size_t>(c);
      out.child.push_back(node.leaf ? -1 : static_cast<std::int32_t>(nodes.size()));
      if (!node.leaf) nodes.push_back(node.child[e].get());
      out.weight.push_back(node.weight[e]);
      out.sq_dev.push_back(node.leaf ? node.sq_dev[e] : 0.0);
      read(node, c, row.data());
      out.mean.insert(out.mean.end(), row.begin(), row.end());
    }
    out.first.push_back(static_cast<std::int64_t>(out.child.size()));
  }
  std::sort(number.begin(), number.end());
  std::vector<std::int32_t> id(out.child.size(), -1);  // of the entries of leaves
  for (const Node* leaf = first_leaf_; leaf; leaf = leaf->next) {
    const auto at = std::lower_bound(number.begin(), number.end(), std::pair(leaf, std::int32_t{-1}));
    out.leaves.push_back(at->second);
    for (Index c = 0; c < leaf->count; ++c) {
      const std::int64_t entry = out.first[static_cast<std::size_t>(at->second)] + c;
      out.order.push_back(entry);
      id[static_cast<std::size_t>(entry)] = leaf->id[static_cast<std::size_t>(c)];
    }
  }
  const auto mean_of = [&](std::int64_t entry) { return out.mean.data() + entry * n_features_; };
  std::stable_sort(out.order.begin(), out.order.end(), [&](std::int64_t a, std::int64_t b) {
    return std::lexicographical_compare(mean_of(a), mean_of(a) + n_features_, mean_of(b), mean_of(b) + n_features_);
  });
  if (place) {
    place->assign(static_cast<std::size_t>(next_id_), -1);
    for (std::size_t k = 0; k < out.order.size(); ++k)
      (*place)[static_cast<std::size_t>(id[static_cast<std::size_t>(out.order[k])])] = static_cast<std::int32_t>(k);
  }
  return out;
}

BirchTree::BirchTree(Index n_features, const BirchOptions& options, const FlatTreeView& flat)
    : BirchTree(n_features, options) {
  const std::size_t n = flat.first.size() - 1;
  std::vector<std::unique_ptr<Node>> nodes(n);
  n_nodes_ = 0;
  for (std::size_t i = n; i-- > 0;) {  // children come after their parents
    const auto begin = static_cast<std::size_t>(flat.first[i]), end = static_cast<std::size_t>(flat.first[i + 1]);
    const bool leaf = begin == end || flat.child[begin] < 0;
    nodes[i] = new_node(leaf);
    Node& node = *nodes[i];
    for (std::size_t e = begin; e < end; ++e) {
      const Index c = node.count++;
      put(node, c, flat.mean.data() + e * static_cast<std::size_t>(n_features_), flat.weight[e]);
      if (leaf)
        node.sq_dev[static_cast<std::size_t>(c)] = flat.sq_dev[e];
      else
        node.child[static_cast<std::size_t>(c)] = std::move(nodes[static_cast<std::size_t>(flat.child[e])]);
    }
  }
  // the nodes have moved into each other: find the leaves again, level by level as they were written
  root_ = std::move(nodes[0]);
  std::vector<Node*> at{root_.get()};
  for (std::size_t i = 0; i < at.size(); ++i)
    for (Index c = 0; !at[i]->leaf && c < at[i]->count; ++c)
      at.push_back(at[i]->child[static_cast<std::size_t>(c)].get());
  Node* last = nullptr;
  for (std::int32_t i : flat.leaves) {
    Node* leaf = at[static_cast<std::size_t>(i)];
    (last ? last->next : first_leaf_) = leaf;
    last = leaf;
    for (Index c = 0; c < leaf->count; ++c) leaf->id[static_cast<std::size_t>(c)] = next_id_++;
    n_subclusters_ += leaf->count;
  }
}

// --- fits ---------------------------------------------------------------------------------------------------

namespace {

void renumber(std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& new_id) {
  for (std::int32_t& id : ids)
    if (id >= 0) id = new_id[static_cast<std::size_t>(id)];
}

// Row i in double; `buffer` is where it is written unless it is there already.
template <class T>
const double* row_of(const BirchRows<T>& x, Index i, std::vector<double>& buffer) {
  if (x.sparse()) {
    std::fill(buffer.begin(), buffer.end(), 0.0);
    for (auto p = x.start[static_cast<std::size_t>(i)]; p < x.start[static_cast<std::size_t>(i) + 1]; ++p)
      buffer[static_cast<std::size_t>(x.column[static_cast<std::size_t>(p)])] =
          static_cast<double>(x.value[static_cast<std::size_t>(p)]);
    return buffer.data();
  }
  if constexpr (std::is_same_v<T, double>) {
    return x.dense.row(i);
  } else {
    std::copy_n(x.dense.row(i), buffer.size(), buffer.begin());
    return buffer.data();
  }
}

constexpr Index n_shells = 8;  // of centers around one of them, between equal steps of the squared distance

// Centers side by side, as in a node.
struct Panel {
  Index stride = 0;
  AlignedVector<double> mean;

  void make(Points<const double> centers, std::span<const std::int32_t> chosen) {
    stride = (static_cast<Index>(chosen.size()) + 2 * padding - 1) / padding * padding;  // readable from any place on
    mean.resize(static_cast<std::size_t>(stride * centers.n_features));
    for (std::size_t c = 0; c < chosen.size(); ++c)
      for (Index p = 0; p < centers.n_features; ++p)
        mean[static_cast<std::size_t>(p * stride) + c] = centers.row(chosen[c])[p];
  }
};

}  // namespace

template <class T>
BirchFit birch_fit(BirchTree& tree, const BirchRows<T>& x, Index n_samples, Index n_features, Weights<double> weight,
                   bool want_subcluster, Run& run) {
  BirchFit out;
  if (want_subcluster) out.subcluster.reserve(static_cast<std::size_t>(n_samples));
  std::vector<double> row(static_cast<std::size_t>(n_features));
  std::vector<std::int32_t> new_id;
  for (Index i = 0; i < n_samples; ++i) {
    std::int32_t id = -1;
    if (weight[i] > 0) {
      id = tree.insert(row_of(x, i, row), weight[i], 0.0);
    }
    if (want_subcluster) out.subcluster.push_back(id);
    if (tree.too_large()) {
      tree.shrink(new_id, run);
      renumber(out.subcluster, new_id);
    }
    if (i % 32 == 31) {
      run.checkpoint();
      run.progress("samples", static_cast<double>(i + 1), static_cast<double>(n_samples));
    }
  }
  run.progress("samples", static_cast<double>(n_samples), static_cast<double>(n_samples));
  std::vector<std::int32_t> place;
  out.tree = tree.flat(want_subcluster ? &place : nullptr);
  if (want_subcluster) renumber(out.subcluster, place);
  return out;
}

FlatTree birch_merge(BirchTree& tree, Points<const double> mean, std::span<const double> weight,
                     std::span<const double> sq_dev, Run& run) {
  std::vector<std::int32_t> new_id;
  for (Index i = 0; i < mean.n_samples; ++i) {
    tree.insert(mean.row(i), weight[static_cast<std::size_t>(i)], sq_dev[static_cast<std::size_t>(i)]);
    if (tree.too_large()) tree.shrink(new_id, run);
    if (i % 32 == 31) run.checkpoint();
  }
  return tree.flat(nullptr);
}

template <class T>
std::vector<std::int32_t> birch_nearest(const BirchRows<T>& x, Points<const double> centers,
                                        std::span<const std::int32_t> own, Run& run) {
  const Index n = static_cast<Index>(own.size()), m = centers.n_samples, d = centers.n_features;
  std::vector<std::int32_t> nearest(own.size());
  std::vector<std::int32_t> all(static_cast<std::size_t>(m));
  std::iota(all.begin(), all.end(), 0);
  Panel panel_of_all;
  panel_of_all.make(centers, all);

  // samples by subcluster; those of none come last
  std::vector<Index> begin(static_cast<std::size_t>(m) + 2);
  const auto group = [&](std::int32_t c) { return static_cast<std::size_t>(c < 0 ? m : c); };
  for (std::int32_t c : own) ++begin[group(c) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<std::int32_t> sample(own.size());
  {
    std::vector<Index> next(begin.begin(), begin.end() - 1);
    for (Index i = 0; i < n; ++i)
      sample[static_cast<std::size_t>(next[group(own[static_cast<std::size_t>(i)])]++)] = static_cast<std::int32_t>(i);
  }

  struct Scratch {
    std::vector<double> row, reach, from_own;
    std::vector<std::int32_t> near, chosen;
    std::vector<std::uint8_t> shell_of;
    Panel panel;
  };
  const parallel::Blocks blocks = parallel::blocks_of(m + 1, 1, 16, 1);
  std::vector<Scratch> scratches(static_cast<std::size_t>(parallel::n_threads()));
  const double work = 0.2 * static_cast<double>((m * m + 20 * n) * d);
  parallel::for_blocks(blocks, run, work, [&](Index b, int thread) {
    Scratch& s = scratches[static_cast<std::size_t>(thread)];
    s.row.resize(static_cast<std::size_t>(d));
    s.from_own.resize(static_cast<std::size_t>(panel_of_all.stride));
    for (Index c = blocks.begin(b); c < blocks.end(b); ++c) {
      const Index first = begin[static_cast<std::size_t>(c)], last = begin[static_cast<std::size_t>(c) + 1];
      if (first == last || run.interrupted(thread)) continue;
      // what a sample at distance b from its own centre may be nearer to is within 2 b of that centre
      constexpr double rounding = 1 + 1e-9;
      s.reach.assign(static_cast<std::size_t>(last - first), std::numeric_limits<double>::infinity());
      double widest = std::numeric_limits<double>::infinity();
      if (c < m) {
        widest = 0;
        for (Index i = first; i < last; ++i) {
          const double* row = row_of(x, sample[static_cast<std::size_t>(i)], s.row);
          double sum = 0;
          for (Index p = 0; p < d; ++p) sum += (row[p] - centers.row(c)[p]) * (row[p] - centers.row(c)[p]);
          s.reach[static_cast<std::size_t>(i - first)] = 4 * sum * rounding;
          widest = std::max(widest, 4 * sum * rounding);
        }
      }
      // centers are in the order of their first feature: those too far in that one are not looked at
      const double first_feature = c < m ? centers.row(c)[0] : 0;
      const double side = std::sqrt(widest) * rounding;
      const auto too_low = [&](std::int32_t other) { return centers.row(other)[0] < first_feature - side; };
      const auto not_high = [&](std::int32_t other) { return !(centers.row(other)[0] > first_feature + side); };
      const auto from = std::partition_point(all.begin(), all.end(), too_low) - all.begin();
      const auto to = std::partition_point(all.begin() + from, all.end(), not_high) - all.begin();
      if (c < m)
        birch_kernels().sq_distances(centers.row(c), d, panel_of_all.mean.data() + from, panel_of_all.stride, to - from,
                                     s.from_own.data() + from);
      else
        std::fill(s.from_own.begin(), s.from_own.end(), 0.0);
      // those within the widest reach, in shells around the own centre
      const double to_shell = widest > 0 && std::isfinite(widest) ? n_shells / widest : 0;
      s.near.resize(static_cast<std::size_t>(to - from));
      s.shell_of.resize(static_cast<std::size_t>(to - from));
      std::size_t n_near = 0;
      {
        const double* from_own = s.from_own.data();
        std::int32_t* near = s.near.data();
        std::uint8_t* shell_of = s.shell_of.data();
        for (auto other = static_cast<std::int32_t>(from); other < to; ++other) {
          const double sq = from_own[other];
          near[n_near] = other;
          shell_of[n_near] = static_cast<std::uint8_t>(sq * to_shell < n_shells ? sq * to_shell : n_shells - 1);
          n_near += sq <= widest;
        }
      }
      std::array<Index, n_shells + 1> shell{};  // where each begins
      for (std::size_t k = 0; k < n_near; ++k) ++shell[s.shell_of[k] + std::size_t{1}];
      std::partial_sum(shell.begin(), shell.end(), shell.begin());
      s.chosen.resize(n_near);
      std::array<Index, n_shells> next;
      std::copy_n(shell.begin(), n_shells, next.begin());
      for (std::size_t k = 0; k < n_near; ++k) s.chosen[static_cast<std::size_t>(next[s.shell_of[k]]++)] = s.near[k];
      s.panel.make(centers, s.chosen);
      for (Index i = first; i < last; ++i) {
        const double* row = row_of(x, sample[static_cast<std::size_t>(i)], s.row);
        const double reach = s.reach[static_cast<std::size_t>(i - first)];
        const double to_own = std::sqrt(reach) / 2;
        double best = std::numeric_limits<double>::infinity();
        double limit =
            reach;  // a nearer center is within the distances to the own and to the nearest so far of the own
        std::int32_t at = 0;
        for (Index k = 0; k < n_shells; ++k) {
          const Index start = shell[static_cast<std::size_t>(k)];
          const Index count = shell[static_cast<std::size_t>(k + 1)] - start;
          if (count == 0) continue;
          if (static_cast<double>(k) > limit * to_shell * rounding) break;
          double value;
          const Index found =
              start + birch_kernels().nearest(row, d, s.panel.mean.data() + start, s.panel.stride, count, &value);
          const std::int32_t center = s.chosen[static_cast<std::size_t>(found)];
          if (!(value < best || (value == best && center < at))) continue;
          best = value;
          at = center;
          const double both = to_own + std::sqrt(best);
          limit = std::min(reach, both * both * rounding);
        }
        nearest[static_cast<std::size_t>(sample[static_cast<std::size_t>(i)])] = at;
      }
    }
  });
  return nearest;
}

template std::vector<std::int32_t> birch_nearest(const BirchRows<float>&, Points<const double>,
                                                 std::span<const std::int32_t>, Run&);
template std::vector<std::int32_t> birch_nearest(const BirchRows<double>&, Points<const double>,
                                                 std::span<const std::int32_t>, Run&);
template BirchFit birch_fit(BirchTree&, const BirchRows<float>&, Index, Index, Weights<double>, bool, Run&);
template BirchFit birch_fit(BirchTree&, const BirchRows<double>&, Index, Index, Weights<double>, bool, Run&);

}  // namespace shoal::hierarchy
