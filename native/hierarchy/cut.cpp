#include "hierarchy/cut.hpp"

namespace shoal::hierarchy {
namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

std::vector<std::int64_t> labels_below(std::span<const std::int32_t> left, std::span<const std::int32_t> right, Index n,
                                       std::vector<std::int64_t> label) {
  for (auto i = static_cast<Index>(left.size()); i-- > 0;)
    for (const std::int32_t child : {left[at(i)], right[at(i)]})
      if (label[at(child)] < 0) label[at(child)] = label[at(n + i)];
  label.resize(at(n));
  return label;
}

std::vector<std::int64_t> labels_after(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                                       Index merges) {
  const auto n = static_cast<Index>(left.size()) + 1;
  std::vector<std::int64_t> top(at(n + merges));  // the highest node above
  for (Index i = n + merges; i-- > 0;) top[at(i)] = i;
  for (Index i = merges; i-- > 0;) top[at(left[at(i)])] = top[at(right[at(i)])] = top[at(n + i)];
  std::vector<std::int64_t> number(at(n + merges), -1);
  std::vector<std::int64_t> label(at(n));
  std::int64_t count = 0;
  for (Index i = 0; i < n; ++i) {
    std::int64_t& own = number[at(static_cast<Index>(top[at(i)]))];
    if (own < 0) own = count++;
    label[at(i)] = own;
  }
  return label;
}

}  // namespace shoal::hierarchy
