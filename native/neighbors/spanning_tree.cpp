#include "neighbors/spanning_tree.hpp"

#include <numeric>

namespace shoal::neighbors {
namespace {

constexpr std::size_t edges_per_poll = std::size_t{1} << 16;

std::size_t at(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

Components::Components(Index n) : parent_(static_cast<std::size_t>(n), -1), count_(n) {}

std::int32_t Components::find(std::int32_t i) {
  std::int32_t root = i;
  while (parent_[at(root)] >= 0) root = parent_[at(root)];
  while (i != root) {
    const std::int32_t next = parent_[at(i)];
    parent_[at(i)] = root;
    i = next;
  }
  return root;
}

bool Components::join(std::int32_t a, std::int32_t b) {
  a = find(a);
  b = find(b);
  if (a == b) return false;
  auto& size_a = parent_[at(a)];
  auto& size_b = parent_[at(b)];
  if (size_a > size_b) {
    size_b += size_a;
    size_a = b;
  } else {
    size_a += size_b;
    size_b = a;
  }
  --count_;
  return true;
}

template <class T>
SpanningTree spanning_tree(std::span<const Edge<T>> edges, std::vector<double> core) {
  SpanningTree out;
  out.u.reserve(edges.size());
  out.v.reserve(edges.size());
  out.weight.reserve(edges.size());
  for (const Edge<T>& edge : edges) {
    out.u.push_back(edge.u);
    out.v.push_back(edge.v);
    out.weight.push_back(static_cast<double>(edge.weight));
  }
  out.core = std::move(core);
  return out;
}
template SpanningTree spanning_tree(std::span<const Edge<float>>, std::vector<double>);
template SpanningTree spanning_tree(std::span<const Edge<double>>, std::vector<double>);

SingleLinkage single_linkage(std::span<const std::int32_t> u, std::span<const std::int32_t> v, Weights<double> weight,
                             Run& run) {
  const auto n = static_cast<std::int32_t>(u.size() + 1);
  SingleLinkage tree;
  tree.left.resize(u.size());
  tree.right.resize(u.size());
  tree.size.resize(u.size());
  Components sets(n);
  std::vector<std::int32_t> node(at(n));  // of every root
  std::iota(node.begin(), node.end(), 0);
  const auto size_of = [&](std::int32_t of) { return of < n ? weight[of] : tree.size[at(of - n)]; };
  for (std::size_t i = 0; i < u.size(); ++i) {
    if (i % edges_per_poll == 0) run.checkpoint();
    const std::int32_t a = sets.find(u[i]);
    const std::int32_t b = sets.find(v[i]);
    tree.left[i] = node[at(a)];
    tree.right[i] = node[at(b)];
    tree.size[i] = size_of(tree.left[i]) + size_of(tree.right[i]);
    sets.join(a, b);
    node[at(sets.find(a))] = n + static_cast<std::int32_t>(i);
  }
  return tree;
}

}  // namespace shoal::neighbors
