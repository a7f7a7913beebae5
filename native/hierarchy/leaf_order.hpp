// The order of the leaves of a tree of merges whose neighbours are nearest: Bar-Joseph, Gifford and Jaakkola, "Fast
// optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001.
//
// M(v, i, j) is the shortest way through all leaves of node v that respects the tree and ends in i and j. With i below
// one child a of v and j below the other, b,
//     M(v, i, j) = min over m, k of M(a, i, m) + d(m, k) + M(b, k, j),
// where m is below the child of a that i is not below (i itself when a is a leaf), and k likewise. The minimum over m
// is taken for all i and k at once, then that over k: two products of matrices in the semiring (min, +), without
// sorting and stopping early. At the root no table is made: the ways that end in m and k are all that is looked at.
//
// Leaves are kept in the order of the tree, where a node is a range: then all tables are blocks of one n x n matrix,
// and each takes the place of the distances that it has used up. O(n^3) additions at the most, near n^3 / 24 in a
// balanced tree, O(n^2) in a chain; n^2 values of memory. The same bits for any number of threads and at every level:
// minima do not depend on their order.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/dispatch.hpp"

namespace shoal::hierarchy {

/// One flag per merge: 1 where the right child is to stand on the left. The sum of the distances between neighbours is
/// the least that the tree allows; the root keeps its children in place. Of equal ways the first pair (m, k) by the
/// order in which the tree has its leaves. `condensed`: n (n - 1) / 2 distances >= 0, n >= 2.
template <class T>
std::vector<std::uint8_t> order_leaves(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                                       std::span<const T> condensed, Run& run);

/// Rows [begin, end) of a table.
struct Range {
  Index begin = 0, end = 0;
  Index size() const { return end - begin; }
};

/// One level's product: table[p][q] = min over k in `k` of table[k][p] + table[k][q], and of what is there unless
/// `first`, for p, q in the other ranges; none of what is read is written. Precondition: no range is longer than
/// min_plus_length; scratch is aligned to 64 bytes and holds min_plus_scratch values.
template <class T>
struct MinPlusKernels {
  void (*product)(T* table, Index stride, Range k, Range p, Range q, bool first, T* scratch);
};
inline constexpr Index min_plus_length = 256;
inline constexpr Index min_plus_scratch = min_plus_length * (min_plus_length + 64);

template <class T>
const MinPlusKernels<T>& min_plus();

}  // namespace shoal::hierarchy

namespace shoal {
SHOAL_DECLARE_TABLE(hierarchy::MinPlusKernels<float>, min_plus_f32)
SHOAL_DECLARE_TABLE(hierarchy::MinPlusKernels<double>, min_plus_f64)
}  // namespace shoal
