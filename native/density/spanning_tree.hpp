// A minimum spanning tree as its edges.
#pragma once
#include <cstdint>
#include <vector>

namespace shoal::density {

/// n - 1 edges between rows u[i] < v[i], ascending by (weight, u, v). Edges are compared by (weight, u, v) throughout,
/// so no two are equal and there is exactly one minimum spanning tree.
struct SpanningTree {
  std::vector<std::int32_t> u, v;
  std::vector<double> weight;
};

}  // namespace shoal::density
