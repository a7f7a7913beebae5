#include "neighbors/r_tree.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

Blocks box_blocks(Index n_boxes) {
  constexpr Index length = 64;
  const Index forced = parallel::forced_block_length();
  return {n_boxes, forced > 0 ? forced : length};
}

double work_of_boxes(Index n_boxes, Index d) {
  return 500.0 * static_cast<double>(n_boxes) * static_cast<double>(d + 1);
}

}  // namespace

template <class T>
RTree<T>::RTree(Points<const T> x, Weights<T> weight, Index leaf_size, Measure<T> measure, Run& run)
    : nodes_(x, weight, leaf_size, measure, run, Order::tiles),
      ops_(box_ops<T>()),
      sums_(nodes_.n_all_nodes() * size_of(x.n_features), 0.0) {
  const Index d = x.n_features;
  for (int level = 0; level < nodes_.n_levels(); ++level) {
    const Blocks blocks{nodes_.n_nodes(level), 64};
    for_blocks(blocks, run, 10.0 * static_cast<double>(nodes_.n_nodes(level) * d), [&](Index b, int) {
      for (Index number = blocks.begin(b); number < blocks.end(b); ++number) {
        const Node node{level, static_cast<std::int32_t>(number)};
        double* out = sums_.data() + nodes_.at(node) * size_of(d);
        if (level == 0) {
          for (Index f = 0; f < d; ++f)
            for (Index i = nodes_.begin(node); i < nodes_.end(node); ++i)
              out[f] += static_cast<double>(nodes_.weight(i)) * static_cast<double>(nodes_.value(i, f));
        } else {
          const Index end = std::min<Index>((number + 1) * fanout, nodes_.n_nodes(level - 1));
          for (Index child = number * fanout; child < end; ++child)
            for (Index f = 0; f < d; ++f) out[f] += sums({level - 1, static_cast<std::int32_t>(child)})[f];
        }
      }
    });
  }
}

template <class T>
double box_weight(const RTree<T>& tree, const T* low, const T* high, double* sums) {
  const KDTree<T>& nodes = tree.nodes();
  const Index d = nodes.n_features();
  double total = 0;
  if (sums) std::fill_n(sums, d, 0.0);
  visit_box(
      tree, low, high,
      [&](Node node) {
        total += nodes.total_weight(node);
        if (!sums) return;
        const double* own = tree.sums(node);
        for (Index f = 0; f < d; ++f) sums[f] += own[f];
      },
      [&](Index leaf, std::uint64_t mask) {
        if (!sums && !nodes.weighted()) {
          total += std::popcount(mask);
          return;
        }
        const T* points = nodes.leaf(leaf);
        for (; mask; mask &= mask - 1) {
          const Index i = std::countr_zero(mask);
          const auto weight = static_cast<double>(nodes.weight(leaf * nodes.leaf_size() + i));
          total += weight;
          if (sums)
            for (Index f = 0; f < d; ++f) sums[f] += weight * static_cast<double>(points[f * nodes.leaf_size() + i]);
        }
      });
  return total;
}

template <class T>
void box_weights(const RTree<T>& tree, Points<const T> low, Points<const T> high, std::span<double> weight,
                 std::span<double> sums, Run& run) {
  const Blocks blocks = box_blocks(low.n_samples);
  for_blocks(blocks, run, work_of_boxes(low.n_samples, low.n_features), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i)
      weight[size_of(i)] =
          box_weight(tree, low.row(i), high.row(i), sums.empty() ? nullptr : sums.data() + i * low.n_features);
  });
}

template <class T>
Neighbourhoods<T> within_boxes(const RTree<T>& tree, Points<const T> low, Points<const T> high, Run& run) {
  const KDTree<T>& nodes = tree.nodes();
  const Index n = low.n_samples;
  const Blocks blocks = box_blocks(n);
  Neighbourhoods<T> out;
  out.start.assign(size_of(n + 1), 0);
  for_blocks(blocks, run, work_of_boxes(n, low.n_features), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      Index count = 0;
      visit_box(
          tree, low.row(i), high.row(i), [&](Node node) { count += nodes.end(node) - nodes.begin(node); },
          [&](Index, std::uint64_t mask) { count += std::popcount(mask); });
      out.start[size_of(i + 1)] = count;
    }
  });
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  out.rows.resize(static_cast<std::size_t>(out.start.back()));
  for_blocks(blocks, run, work_of_boxes(n, low.n_features), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      std::int32_t* const first = out.rows.data() + out.start[size_of(i)];
      std::int32_t* next = first;
      visit_box(
          tree, low.row(i), high.row(i),
          [&](Node node) {
            next = std::copy(nodes.rows().begin() + nodes.begin(node), nodes.rows().begin() + nodes.end(node), next);
          },
          [&](Index leaf, std::uint64_t mask) {
            for (; mask; mask &= mask - 1) *next++ = nodes.row(leaf * nodes.leaf_size() + std::countr_zero(mask));
          });
      std::sort(first, next);
    }
  });
  return out;
}

#define SHOAL_INSTANTIATE(T)                                                                                         \
  template class RTree<T>;                                                                                           \
  template double box_weight(const RTree<T>&, const T*, const T*, double*);                                          \
  template void box_weights(const RTree<T>&, Points<const T>, Points<const T>, std::span<double>, std::span<double>, \
                            Run&);                                                                                   \
  template Neighbourhoods<T> within_boxes(const RTree<T>&, Points<const T>, Points<const T>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::neighbors
