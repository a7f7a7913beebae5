#include "density/condensed_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neighbors/spanning_tree.hpp"

namespace shoal::density {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr Index points_per_poll = Index{1} << 16;

double lambda_of(double distance) {
  return distance > 0 ? 1 / distance : inf;
}
// Two that are equal, infinite ones too, are zero apart.
double between(double birth, double lambda) {
  return lambda > birth ? lambda - birth : 0;
}
template <class T>
std::size_t at(T i) {
  return static_cast<std::size_t>(i);
}

// Numbers the clusters as the header says and gives the tree its final form.
class Numbering {
 public:
  struct Born {
    std::int32_t parent;
    double birth, size;
    std::int32_t depth;  // in the single linkage tree
    std::int32_t entry;  // the point where Prim's algorithm comes in, unless it starts inside
  };

  Numbering(const Linkage& linkage, const std::vector<Born>& born, const std::vector<std::int32_t>& point_cluster,
            const std::vector<std::int32_t>& point_fall)
      : linkage_(linkage), born_(born), point_cluster_(point_cluster), point_fall_(point_fall) {}

  // new number of every cluster
  std::vector<std::int32_t> numbers() {
    const std::size_t m = born_.size();
    // children of c: child_[first_[c] .. first_[c + 1])
    first_.assign(m + 1, 0);
    for (std::size_t c = 1; c < m; ++c) ++first_[at(born_[c].parent) + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    child_.resize(m - 1);
    std::vector<std::int32_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t c = 1; c < m; ++c) child_[at(next[at(born_[c].parent)]++)] = static_cast<std::int32_t>(c);
    preorder(begin_);
    end_.assign(m, 0);
    for (std::size_t c = m; c-- > 0;) {
      end_[c] = std::max(end_[c], begin_[c] + 1);
      if (c) end_[at(born_[c].parent)] = std::max(end_[at(born_[c].parent)], end_[c]);
    }
    orient();
    std::vector<std::int32_t> rank;
    preorder(rank);
    std::vector<std::int32_t> order(m);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return born_[at(a)].depth != born_[at(b)].depth ? born_[at(a)].depth < born_[at(b)].depth
                                                      : rank[at(a)] < rank[at(b)];
    });
    std::vector<std::int32_t> number(m);
    for (std::size_t i = 0; i < m; ++i) number[at(order[i])] = static_cast<std::int32_t>(i);
    return number;
  }

 private:
  void preorder(std::vector<std::int32_t>& rank) const {
    rank.assign(born_.size(), 0);
    std::vector<std::int32_t> todo{0};
    std::int32_t count = 0;
    while (!todo.empty()) {
      const std::int32_t c = todo.back();
      todo.pop_back();
      rank[at(c)] = count++;
      for (std::int32_t i = first_[at(c) + 1]; i-- > first_[at(c)];) todo.push_back(child_[at(i)]);
    }
  }

  // Puts the child in which Prim's algorithm arrives before its siblings.
  void orient() {
    std::vector<std::int32_t> entry(born_.size());
    for (std::size_t c = 0; c < born_.size(); ++c) entry[c] = born_[c].entry;
    for (std::size_t c = 0; c < born_.size(); ++c) {
      const auto begin = child_.begin() + first_[c];
      const auto end = child_.begin() + first_[c + 1];
      if (begin == end) continue;
      const std::int32_t inside = through(static_cast<std::int32_t>(c), entry[c]);
      const std::int32_t where = begin_[at(point_cluster_[at(inside)])];
      const auto found =
          std::find_if(begin, end, [&](std::int32_t k) { return begin_[at(k)] <= where && where < end_[at(k)]; });
      if (found == end) continue;
      entry[at(*found)] = inside;
      std::rotate(begin, found, found + 1);
    }
  }

  // From a point of cluster c, over the edges by which small parts hang on it, to a point of a child of c.
  std::int32_t through(std::int32_t c, std::int32_t point) const {
    std::int32_t before = std::numeric_limits<std::int32_t>::max();
    while (point_cluster_[at(point)] == c) {
      const std::int32_t node = point_fall_[at(point)];
      if (node < 0 || node >= before) break;
      before = node;
      const std::size_t edge = at(node - linkage_.n());
      const auto fell = [&](std::int32_t p) { return point_cluster_[at(p)] == c && point_fall_[at(p)] == node; };
      const std::int32_t a = linkage_.u[edge];
      const std::int32_t b = linkage_.v[edge];
      if (fell(a) == fell(b)) break;
      point = fell(a) ? b : a;
    }
    return point;
  }

  const Linkage& linkage_;
  const std::vector<Born>& born_;
  const std::vector<std::int32_t>& point_cluster_;
  const std::vector<std::int32_t>& point_fall_;
  std::vector<std::int32_t> first_, child_, begin_, end_;
};

}  // namespace

CondensedTree condense(const Linkage& linkage, double min_cluster_size, Run& run) {
  const auto n = static_cast<std::int32_t>(linkage.n());
  const std::int32_t merges = n - 1;
  const auto heavy_point = [&](std::int32_t i, double height) {
    // below its core distance a point of weight w is w separate points
    return linkage.weight && linkage.weight[i] >= min_cluster_size && linkage.core[at(i)] < height;
  };

  // What is known of a node when it is reached from above. A group is a node with the nodes below it that have the
  // same height; parts of the group are what hangs below it, at smaller heights.
  struct Node {
    std::int32_t cluster = 0;
    std::int32_t fall = -1;  // the node at which it left the cluster, -1 while it is part of it
    std::int32_t depth = 0;
    std::int32_t heavy = 0;  // parts of its group that are clusters
  };
  std::vector<Node> nodes(at(merges));
  for (std::int32_t i = 0; i < merges; ++i) {
    if (i % points_per_poll == 0) run.checkpoint();
    const double height = linkage.height[at(i)];
    std::int32_t heavy = 0;
    for (const std::int32_t part : {linkage.left[at(i)], linkage.right[at(i)]}) {
      if (part < n)
        heavy += heavy_point(part, height);
      else if (linkage.height[at(part - n)] == height)
        heavy += nodes[at(part - n)].heavy;
      else
        heavy += linkage.size[at(part - n)] >= min_cluster_size;
    }
    nodes[at(i)].heavy = heavy;
  }

  std::vector<Numbering::Born> born{{-1, 0, 0, 0, 0}};
  CondensedTree tree;
  tree.point_cluster.assign(at(n), 0);
  tree.point_lambda.assign(at(n), 0);
  std::vector<std::int32_t> fall(at(n), -1);  // the node at which a point left its cluster, -1 when it ends there
  born[0].size = merges > 0 ? linkage.size[at(merges - 1)] : linkage.weight[0];
  for (std::int32_t i = merges; i-- > 0;) {
    if (i % points_per_poll == 0) run.checkpoint();
    const Node node = nodes[at(i)];
    const std::int32_t parts[2] = {linkage.left[at(i)], linkage.right[at(i)]};
    if (node.fall >= 0) {
      for (const std::int32_t part : parts) {
        if (part < n) {
          tree.point_cluster[at(part)] = node.cluster;
          fall[at(part)] = node.fall;
        } else {
          nodes[at(part - n)].cluster = node.cluster;
          nodes[at(part - n)].fall = node.fall;
        }
      }
      continue;
    }
    const double height = linkage.height[at(i)];
    for (int side = 0; side < 2; ++side) {
      const std::int32_t part = parts[side];
      const bool point = part < n;
      const bool grouped = !point && linkage.height[at(part - n)] == height;
      const bool heavy = point ? heavy_point(part, height) : !grouped && linkage.size[at(part - n)] >= min_cluster_size;
      std::int32_t cluster = node.cluster;
      if (heavy && node.heavy > 1) {
        cluster = static_cast<std::int32_t>(born.size());
        const double size = point ? linkage.weight[part] : linkage.size[at(part - n)];
        born.push_back(
            {node.cluster, lambda_of(height), size, node.depth + 1, side == 0 ? linkage.u[at(i)] : linkage.v[at(i)]});
      }
      const std::int32_t left_at = heavy || grouped ? -1 : n + i;
      if (point) {
        tree.point_cluster[at(part)] = cluster;
        fall[at(part)] = left_at;
      } else {
        Node& below = nodes[at(part - n)];
        below.cluster = cluster;
        below.fall = left_at;
        below.depth = node.depth + 1;
        if (grouped) below.heavy = node.heavy;
      }
    }
  }
  run.checkpoint();
  const std::vector<std::int32_t> number = Numbering(linkage, born, tree.point_cluster, fall).numbers();
  const std::size_t m = born.size();
  tree.parent.resize(m);
  tree.birth.resize(m);
  tree.size.resize(m);
  for (std::size_t c = 0; c < m; ++c) {
    const std::size_t to = at(number[c]);
    tree.parent[to] = c ? number[at(born[c].parent)] : -1;
    tree.birth[to] = born[c].birth;
    tree.size[to] = born[c].size;
  }
  for (std::int32_t i = 0; i < n; ++i) {
    const std::int32_t node = fall[at(i)];
    tree.point_cluster[at(i)] = number[at(tree.point_cluster[at(i)])];
    tree.point_lambda[at(i)] = lambda_of(node < 0 ? linkage.core[at(i)] : linkage.height[at(node - n)]);
  }
  return tree;
}

namespace {

// For every cluster the largest lambda at which a point or a child leaves it.
std::vector<double> max_lambdas(const Tree& tree) {
  std::vector<double> most(tree.parent.size(), 0.0);
  for (std::size_t i = 0; i < tree.point_cluster.size(); ++i) {
    double& mine = most[at(tree.point_cluster[i])];
    mine = std::max(mine, tree.point_lambda[i]);
  }
  for (std::size_t c = 1; c < most.size(); ++c)
    most[at(tree.parent[c])] = std::max(most[at(tree.parent[c])], tree.birth[c]);
  return most;
}

std::vector<double> stabilities(const Tree& tree) {
  std::vector<double> stability(tree.parent.size(), 0.0);
  for (std::size_t i = 0; i < tree.point_cluster.size(); ++i) {
    const std::size_t c = at(tree.point_cluster[i]);
    const double weight = tree.weight[static_cast<Index>(i)];
    stability[c] += between(tree.birth[c], tree.point_lambda[i]) * weight;
  }
  for (std::size_t c = 1; c < stability.size(); ++c) {
    const std::size_t parent = at(tree.parent[c]);
    stability[parent] += between(tree.birth[parent], tree.birth[c]) * tree.size[c];
  }
  return stability;
}

// Excess of mass: of all sets of clusters that do not overlap, one of the largest total stability. From the leaves
// up, a cluster takes the place of what is selected below it unless that is worth more.
std::vector<char> excess_of_mass(const Tree& tree, const Selection& selection, const std::vector<double>& stability) {
  const std::size_t m = tree.parent.size();
  std::vector<double> below(m, 0.0);
  std::vector<char> chosen(m, 0);
  for (std::size_t c = m; c-- > 0;) {
    if (c == 0 && !selection.allow_single_cluster) break;
    const bool too_large = selection.max_cluster_size > 0 && tree.size[c] > selection.max_cluster_size;
    chosen[c] = !(below[c] > stability[c]) && !too_large;
    if (c) below[at(tree.parent[c])] += chosen[c] ? stability[c] : below[c];
  }
  std::vector<char> covered(m, 0);
  for (std::size_t c = 1; c < m; ++c) {
    covered[c] = covered[at(tree.parent[c])] || chosen[at(tree.parent[c])];
    if (covered[c]) chosen[c] = 0;
  }
  return chosen;
}

std::vector<char> leaves(const Tree& tree) {
  const std::size_t m = tree.parent.size();
  std::vector<char> leaf(m, 1);
  leaf[0] = 0;
  for (std::size_t c = 1; c < m; ++c) leaf[at(tree.parent[c])] = 0;
  return leaf;
}

// Replaces chosen clusters that were born below the distance epsilon by their first ancestor born beyond it
// (C. Malzer, M. Baum: "A hybrid approach to hierarchical density-based cluster selection", 2020).
void merge_below(const Tree& tree, const Selection& selection, std::vector<char>& chosen) {
  if (chosen[0]) return;
  const std::size_t m = chosen.size();
  // climb[c]: where a chosen cluster c, or one that came up to c, ends
  std::vector<std::int32_t> climb(m, 0);
  for (std::size_t c = 1; c < m; ++c) {
    const auto own = static_cast<std::int32_t>(c);
    if (1 / tree.birth[c] > selection.epsilon)
      climb[c] = own;
    else if (tree.parent[c] == 0)
      climb[c] = selection.allow_single_cluster ? 0 : own;
    else
      climb[c] = climb[at(tree.parent[c])];
  }
  std::vector<char> merged(m, 0);
  for (std::size_t c = 1; c < m; ++c)
    if (chosen[c]) merged[1 / tree.birth[c] < selection.epsilon ? at(climb[c]) : c] = 1;
  chosen = std::move(merged);
}

}  // namespace

Clusters select_clusters(const Tree& tree, const Selection& selection) {
  const std::size_t m = tree.parent.size();
  const std::size_t n = tree.point_cluster.size();
  Clusters result;
  result.stability = stabilities(tree);
  result.max_lambda = max_lambdas(tree);
  std::vector<char> chosen = selection.leaf ? leaves(tree) : excess_of_mass(tree, selection, result.stability);
  if (selection.epsilon > 0) merge_below(tree, selection, chosen);

  result.label_of.assign(m, -1);
  for (std::size_t c = 0; c < m; ++c) {
    const std::int32_t above = c ? result.label_of[at(tree.parent[c])] : -1;
    if (above >= 0) {
      result.label_of[c] = above;
    } else if (chosen[c]) {
      result.label_of[c] = static_cast<std::int32_t>(result.cluster.size());
      result.cluster.push_back(static_cast<std::int32_t>(c));
    }
  }
  const bool single = !result.cluster.empty() && result.cluster[0] == 0;
  if (single) result.single_lambda = selection.epsilon > 0 ? 1 / selection.epsilon : result.max_lambda[0];

  result.labels.resize(n);
  result.probabilities.assign(n, 0.0);
  std::vector<double> size(result.cluster.size(), 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const double lambda = tree.point_lambda[i];
    std::int32_t label = result.label_of[at(tree.point_cluster[i])];
    if (single && lambda < result.single_lambda) label = -1;
    result.labels[i] = label;
    if (label < 0) continue;
    size[at(label)] += tree.weight[static_cast<Index>(i)];
    const double most = result.max_lambda[at(result.cluster[at(label)])];
    result.probabilities[i] = most == 0 || lambda >= most ? 1.0 : lambda / most;
  }
  const double largest = *std::max_element(result.max_lambda.begin(), result.max_lambda.end());
  for (std::size_t l = 0; l < size.size(); ++l) {
    const double stability = result.stability[at(result.cluster[l])];
    const bool endless = largest == inf || stability == inf || largest == 0 || size[l] == 0;
    result.persistence.push_back(endless ? 1.0 : stability / (size[l] * largest));
  }
  return result;
}

std::vector<double> outlier_scores(const Tree& tree) {
  std::vector<double> most = max_lambdas(tree);
  for (std::size_t c = most.size(); c-- > 1;) most[at(tree.parent[c])] = std::max(most[at(tree.parent[c])], most[c]);
  std::vector<double> score(tree.point_cluster.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    const double top = most[at(tree.point_cluster[i])];
    score[i] = tree.point_lambda[i] < top ? 1 - tree.point_lambda[i] / top : 0;
  }
  return score;
}

std::vector<std::int32_t> cut_linkage(const Linkage& linkage, double cut, double min_cluster_size) {
  const auto n = static_cast<std::int32_t>(linkage.n());
  std::vector<char> joined(at(n), 0);
  std::vector<double> size(at(n));
  for (std::int32_t i = 0; i < n; ++i) size[at(i)] = linkage.weight[i];
  neighbors::Components sets(n);
  for (std::size_t e = 0; e < linkage.height.size() && linkage.height[e] < cut; ++e) {
    const std::int32_t a = sets.find(linkage.u[e]);
    const std::int32_t b = sets.find(linkage.v[e]);
    const double both = size[at(a)] + size[at(b)];
    sets.join(a, b);
    const std::int32_t root = sets.find(a);
    size[at(root)] = both;
    joined[at(root)] = 1;
  }
  std::vector<std::int32_t> label(at(n), -1), result(at(n), -1);
  std::int32_t count = 0;
  for (std::int32_t i = 0; i < n; ++i) {
    const std::int32_t root = sets.find(i);
    // one point of weight w stands for w points that are joined at its core distance
    const bool together = joined[at(root)] || (linkage.weight[i] > 1 && linkage.core[at(i)] < cut);
    const double weight = together ? size[at(root)] : std::min(size[at(root)], 1.0);
    if (weight < min_cluster_size) continue;
    if (label[at(root)] < 0) label[at(root)] = count++;
    result[at(i)] = label[at(root)];
  }
  return result;
}

}  // namespace shoal::density
