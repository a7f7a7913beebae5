#include "hierarchy/merges.hpp"

#include <algorithm>
#include <numeric>

#include "neighbors/spanning_tree.hpp"

namespace shoal::hierarchy {
namespace {

std::size_t at(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

Tree tree_of(std::vector<Merge>&& merges, Weights<double> weight, bool sort, bool ordered) {
  if (sort)
    std::stable_sort(merges.begin(), merges.end(), [](const Merge& x, const Merge& y) { return x.height < y.height; });
  const std::size_t m = merges.size();
  const auto n = static_cast<std::int32_t>(m + 1);
  Tree tree;
  tree.left.resize(m);
  tree.right.resize(m);
  tree.height.resize(m);
  tree.size.resize(m);
  neighbors::Components sets(n);
  std::vector<std::int32_t> node(m + 1);  // of every root
  std::iota(node.begin(), node.end(), 0);
  const auto size_of = [&](std::int32_t of) { return of < n ? weight[of] : tree.size[at(of - n)]; };
  for (std::size_t i = 0; i < m; ++i) {
    const std::int32_t a = sets.find(merges[i].a);
    const std::int32_t b = sets.find(merges[i].b);
    std::int32_t left = node[at(a)];
    std::int32_t right = node[at(b)];
    if (ordered && left > right) std::swap(left, right);
    tree.left[i] = left;
    tree.right[i] = right;
    tree.height[i] = merges[i].height;
    tree.size[i] = size_of(left) + size_of(right);
    sets.join(a, b);
    node[at(sets.find(a))] = n + static_cast<std::int32_t>(i);
  }
  return tree;
}

void raise_heights(std::vector<Merge>& merges) {
  neighbors::Components sets(static_cast<Index>(merges.size()) + 1);
  std::vector<double> height(merges.size() + 1, 0.0);  // of every root
  for (Merge& merge : merges) {
    const std::int32_t a = sets.find(merge.a);
    const std::int32_t b = sets.find(merge.b);
    merge.height = std::max({merge.height, height[at(a)], height[at(b)]});
    sets.join(a, b);
    height[at(sets.find(a))] = merge.height;
  }
}

}  // namespace shoal::hierarchy
