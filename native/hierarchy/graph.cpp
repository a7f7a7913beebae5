#include "hierarchy/graph.hpp"

#include <algorithm>
#include <numeric>
#include <queue>

namespace shoal::hierarchy {
namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

struct Edge {
  double value;
  std::int32_t a, b;
};

// The heap of Python's heapq, step by step, comparing values alone.
class PythonHeap {
 public:
  explicit PythonHeap(std::vector<Edge> edges) : edges_(std::move(edges)) {
    for (std::size_t i = edges_.size() / 2; i-- > 0;) sink(i);
  }
  void push(const Edge& edge) {
    edges_.push_back(edge);
    rise(0, edges_.size() - 1);
  }
  Edge pop() {
    const Edge last = edges_.back();
    edges_.pop_back();
    if (edges_.empty()) return last;
    const Edge top = edges_[0];
    edges_[0] = last;
    sink(0);
    return top;
  }

 private:
  void rise(std::size_t start, std::size_t i) {
    const Edge edge = edges_[i];
    while (i > start) {
      const std::size_t parent = (i - 1) / 2;
      if (!(edge.value < edges_[parent].value)) break;
      edges_[i] = edges_[parent];
      i = parent;
    }
    edges_[i] = edge;
  }
  // Down to a leaf along the smaller children, then up.
  void sink(std::size_t i) {
    const std::size_t start = i;
    const Edge edge = edges_[i];
    for (std::size_t child = 2 * i + 1; child < edges_.size(); child = 2 * i + 1) {
      if (child + 1 < edges_.size() && !(edges_[child].value < edges_[child + 1].value)) ++child;
      edges_[i] = edges_[child];
      i = child;
    }
    edges_[i] = edge;
    rise(start, i);
  }

  std::vector<Edge> edges_;
};

void report(Run& run, std::size_t done, Index total) {
  run.checkpoint();
  run.progress("merges", static_cast<double>(done), static_cast<double>(total));
}

}  // namespace

Agglomeration merge_graph_ward(Points<const double> x, Weights<double> weight, const Graph& graph, Index n_clusters,
                               Run& run) {
  const Index n = graph.n();
  const Index d = x.n_features;
  const Index n_nodes = 2 * n - n_clusters;
  // of each living node, in a place that a union takes over from one of its parts
  std::vector<double> sums(at(n * d)), means(at(n * d));
  std::vector<double> size(at(n_nodes));
  std::vector<std::int32_t> place(at(n_nodes)), parent(at(n_nodes));
  std::iota(place.begin(), place.end(), 0);
  std::iota(parent.begin(), parent.end(), 0);
  for (Index i = 0; i < n; ++i) {
    size[at(i)] = weight[i];
    for (Index f = 0; f < d; ++f) {
      sums[at(i * d + f)] = weight[i] * x.row(i)[f];
      means[at(i * d + f)] = sums[at(i * d + f)] / weight[i];
    }
  }
  const auto value = [&](std::int32_t a, std::int32_t b) {
    const double* p = means.data() + place[at(a)] * d;
    const double* q = means.data() + place[at(b)] * d;
    double sum = 0;
    for (Index f = 0; f < d; ++f) sum += (p[f] - q[f]) * (p[f] - q[f]);
    return sum * ((size[at(a)] * size[at(b)]) / (size[at(a)] + size[at(b)]));
  };
  const auto root = [&](std::int32_t i) {
    std::int32_t top = i;
    while (parent[at(top)] != top) top = parent[at(top)];
    while (parent[at(i)] != top) {
      const std::int32_t next = parent[at(i)];
      parent[at(i)] = top;
      i = next;
    }
    return top;
  };
  const auto later = [](const Edge& e, const Edge& f) {
    if (e.value != f.value) return e.value > f.value;
    return e.a != f.a ? e.a > f.a : e.b > f.b;
  };
  std::vector<std::vector<std::int32_t>> neighbours(at(n_nodes));
  std::vector<Edge> edges;
  for (Index i = 0; i < n; ++i) {
    if (i % 1024 == 0) run.checkpoint();
    for (auto e = graph.indptr[at(i)]; e < graph.indptr[at(i) + 1]; ++e) {
      const std::int32_t j = graph.indices[at(e)];
      if (j != i) neighbours[at(i)].push_back(j);
      if (j < i) edges.push_back({value(static_cast<std::int32_t>(i), j), static_cast<std::int32_t>(i), j});
    }
  }
  std::priority_queue<Edge, std::vector<Edge>, decltype(later)> heap(later, std::move(edges));
  std::vector<std::int32_t> seen(at(n_nodes), -1);
  Agglomeration found;
  for (auto k = static_cast<std::int32_t>(n); k < n_nodes; ++k) {
    report(run, found.height.size(), n - n_clusters);
    Edge edge;
    do {
      edge = heap.top();
      heap.pop();
    } while (parent[at(edge.a)] != edge.a || parent[at(edge.b)] != edge.b);
    const auto [least, i, j] = edge;
    found.first.push_back(i);
    found.second.push_back(j);
    found.height.push_back(least);
    parent[at(i)] = parent[at(j)] = k;
    size[at(k)] = size[at(i)] + size[at(j)];
    place[at(k)] = place[at(i)];
    double* to = sums.data() + place[at(i)] * d;
    const double* from = sums.data() + place[at(j)] * d;
    double* mean = means.data() + place[at(i)] * d;
    for (Index f = 0; f < d; ++f) {
      to[f] += from[f];
      mean[f] = to[f] / size[at(k)];
    }
    std::vector<std::int32_t>& own = neighbours[at(k)];
    seen[at(k)] = k;
    for (const std::int32_t part : {i, j}) {
      for (const std::int32_t neighbour : neighbours[at(part)]) {
        const std::int32_t other = root(neighbour);
        if (seen[at(other)] == k) continue;
        seen[at(other)] = k;
        own.push_back(other);
      }
      std::vector<std::int32_t>().swap(neighbours[at(part)]);
    }
    for (const std::int32_t other : own) {
      neighbours[at(other)].push_back(k);
      heap.push({value(k, other), k, other});
    }
  }
  return found;
}

Agglomeration merge_graph(bool complete, std::span<const double> distances, Weights<double> weight, const Graph& graph,
                          Index n_clusters, Run& run) {
  const Index n = graph.n();
  const Index n_nodes = 2 * n - n_clusters;
  struct Link {
    std::int32_t to;
    double value;
  };
  std::vector<std::vector<Link>> links(at(n_nodes));  // ascending; some lead to nodes that have gone
  std::vector<double> size(at(n_nodes), 0.0);         // 0: gone, or not there yet
  std::vector<Edge> edges;
  for (Index i = 0; i < n; ++i) {
    size[at(i)] = weight[i];
    for (auto e = graph.indptr[at(i)]; e < graph.indptr[at(i) + 1]; ++e) {
      const std::int32_t j = graph.indices[at(e)];
      if (j == i) continue;
      links[at(i)].push_back({j, distances[at(e)]});
      if (j < i) edges.push_back({distances[at(e)], static_cast<std::int32_t>(i), j});
    }
  }
  PythonHeap heap(std::move(edges));
  Agglomeration found;
  std::vector<Link> own;
  for (auto k = static_cast<std::int32_t>(n); k < n_nodes; ++k) {
    report(run, found.height.size(), n - n_clusters);
    Edge edge = heap.pop();
    while (!(size[at(edge.a)] > 0 && size[at(edge.b)] > 0)) edge = heap.pop();
    const auto [least, i, j] = edge;
    found.first.push_back(i);
    found.second.push_back(j);
    found.height.push_back(least);
    const double size_i = size[at(i)];
    const double size_j = size[at(j)];
    size[at(k)] = size_i + size_j;
    size[at(i)] = size[at(j)] = 0;
    own.clear();
    const std::vector<Link>& a = links[at(i)];
    const std::vector<Link>& b = links[at(j)];
    std::size_t p = 0, q = 0;
    while (p < a.size() || q < b.size()) {
      Link link{};
      if (q == b.size() || (p < a.size() && a[p].to < b[q].to)) {
        link = a[p++];
      } else if (p == a.size() || b[q].to < a[p].to) {
        link = b[q++];
      } else {
        link.to = a[p].to;
        link.value = complete ? std::max(a[p].value, b[q].value)
                              : (size_i * a[p].value + size_j * b[q].value) / (size_i + size_j);
        ++p;
        ++q;
      }
      if (size[at(link.to)] > 0) own.push_back(link);
    }
    std::vector<Link>().swap(links[at(i)]);
    std::vector<Link>().swap(links[at(j)]);
    for (const Link& link : own) {
      links[at(link.to)].push_back({k, link.value});
      heap.push({link.value, k, link.to});
    }
    links[at(k)] = own;
  }
  return found;
}

}  // namespace shoal::hierarchy
