// Clusters read off a tree of merges.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"

namespace shoal::hierarchy {

/// label[i] of nodes 0 ... n + m - 1 of m merges: those that have none (-1) get that of the node they merged into.
/// Returns the labels of the n leaves. O(n + m).
std::vector<std::int64_t> labels_below(std::span<const std::int32_t> left, std::span<const std::int32_t> right, Index n,
                                       std::vector<std::int64_t> label);

/// The leaves' clusters after the first `merges` merges, numbered by first appearance. O(n).
std::vector<std::int64_t> labels_after(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                                       Index merges);

}  // namespace shoal::hierarchy
