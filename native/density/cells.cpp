#include "density/cells.hpp"

#include <numeric>

#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

// Deeper than this nodes are split at the median: the middle of the box can leave one sample aside at a time.
constexpr int max_middle_depth = 48;
// From so many features on boxes rule out little, and small nodes are cut so that their leaves are full.
constexpr Index many_features = 10;

Blocks node_blocks(Index n) {
  if (const auto length = parallel::forced_block_length(); length > 0) return {n, length};
  return {n, std::max<Index>(1, n / 256)};
}

// The samples in tree order while the tree grows, row by row.
template <int D>
class Builder {
 public:
  Builder(CellTree& tree, const Reach& reach, double dense_weight, std::span<const double> weight, Index leaf_size)
      : tree_(tree),
        reach_(reach),
        dense_weight_(dense_weight),
        weight_(weight),
        leaf_size_(leaf_size),
        d_(D ? D : tree.n_features) {}

  template <class T>
  void load(Points<const T> x, Run& run) {
    const auto n = static_cast<std::size_t>(x.n_samples);
    rows_.resize(x.size() + block_padding);
    other_.resize(x.size() + block_padding);
    tree_.index.resize(n);
    other_index_.resize(n);
    std::iota(tree_.index.begin(), tree_.index.end(), 0);
    const Blocks blocks = parallel::blocks_of(static_cast<Index>(x.size()), sizeof(T));
    for_blocks(blocks, run, static_cast<double>(x.size()), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) rows_.data()[i] = static_cast<double>(x.data[i]);
    });
  }

  void grow(Run& run) {
    const Index n = tree_.n_samples;
    tree_.nodes.push_back({0, static_cast<std::int32_t>(n), -1, -1});
    tree_.boxes.resize(static_cast<std::size_t>(2 * d_));
    bound(0, n, tree_.box(0));
    tree_.tight.push_back(0);
    tree_.dense.push_back(0);
    struct Cut {
      Index middle = 0;  // 0: a leaf
      std::uint8_t tight = 0, dense = 0;
    };
    std::vector<Cut> cuts;
    AlignedVector<double> child_boxes;
    for (Index level = 0; level < static_cast<Index>(tree_.nodes.size()); ++depth_) {
      const Index count = static_cast<Index>(tree_.nodes.size()) - level;
      cuts.assign(static_cast<std::size_t>(count), {});
      child_boxes.resize(static_cast<std::size_t>(4 * d_ * count));
      const Blocks blocks = node_blocks(count);
      for_blocks(blocks, run, 4.0 * static_cast<double>(n * d_), [&](Index b, int) {
        for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
          const auto at = static_cast<std::size_t>(level + i);
          const Node& node = tree_.nodes[at];
          Cut& cut = cuts[static_cast<std::size_t>(i)];
          // a child of a tight or dense node is so too
          cut.tight = tree_.tight[at] ? std::uint8_t{1} : is_tight(tree_.box(level + i));
          cut.dense = tree_.dense[at] ? std::uint8_t{1} : (cut.tight && is_heavy(node));
          if (node.size() <= (cut.dense ? max_leaf : leaf_size_)) continue;
          double* boxes = child_boxes.data() + 4 * d_ * i;
          const Index middle = split(node, tree_.box(level + i));
          cut.middle = middle;
          bound(node.begin, middle, boxes);
          bound(middle, node.end, boxes + 2 * d_);
        }
      });
      for (Index i = 0; i < count; ++i) {
        const auto at = static_cast<std::size_t>(level + i);
        const Cut& cut = cuts[static_cast<std::size_t>(i)];
        tree_.tight[at] = cut.tight;
        tree_.dense[at] = cut.dense;
        if (cut.middle == 0) continue;
        const Node node = tree_.nodes[at];
        const auto middle = static_cast<std::int32_t>(cut.middle);
        tree_.nodes[at].left = static_cast<std::int32_t>(tree_.nodes.size());
        tree_.nodes.push_back({node.begin, middle, -1, static_cast<std::int32_t>(at)});
        tree_.nodes.push_back({middle, node.end, -1, static_cast<std::int32_t>(at)});
        const double* boxes = child_boxes.data() + 4 * d_ * i;
        tree_.boxes.insert(tree_.boxes.end(), boxes, boxes + 4 * d_);
        for (int c = 0; c < 2; ++c) {
          tree_.tight.push_back(cut.tight);
          tree_.dense.push_back(cut.dense);
        }
      }
      level += count;
    }
  }

  // The samples leaf by leaf, each leaf feature by feature.
  void finish(Run& run) {
    for (Index i = 0; i < static_cast<Index>(tree_.nodes.size()); ++i)
      if (tree_.nodes[static_cast<std::size_t>(i)].is_leaf()) tree_.leaves.push_back(static_cast<std::int32_t>(i));
    std::sort(tree_.leaves.begin(), tree_.leaves.end(), [&](std::int32_t a, std::int32_t b) {
      return tree_.nodes[static_cast<std::size_t>(a)].begin < tree_.nodes[static_cast<std::size_t>(b)].begin;
    });
    const Blocks blocks = node_blocks(static_cast<Index>(tree_.leaves.size()));
    for_blocks(blocks, run, 2.0 * static_cast<double>(tree_.n_samples * d_), [&](Index b, int) {
      for (Index l = blocks.begin(b); l < blocks.end(b); ++l) {
        const Node& leaf = tree_.nodes[static_cast<std::size_t>(tree_.leaves[static_cast<std::size_t>(l)])];
        const double* from = rows_.data() + leaf.begin * d_;
        double* to = other_.data() + leaf.begin * d_;
        for (Index f = 0; f < d_; ++f)
          for (Index i = 0; i < leaf.size(); ++i) to[f * leaf.size() + i] = from[i * d_ + f];
      }
    });
    tree_.data = std::move(other_);
  }

 private:
  std::uint8_t is_tight(const double* box) const {
    double span = 0;
    with_norm(reach_.norm, 0, [&](auto norm, auto) { span = span_of<norm(), 0>(box, box, d_, reach_.p); });
    return span <= reach_.radius;
  }
  std::uint8_t is_heavy(const Node& node) const {
    if (weight_.empty()) return static_cast<double>(node.size()) >= dense_weight_;
    double sum = 0;
    for (Index i = node.begin; i < node.end; ++i)
      sum += weight_[static_cast<std::size_t>(tree_.index[static_cast<std::size_t>(i)])];
    return sum >= dense_weight_;
  }

  void bound(Index begin, Index end, double* box) const {
    const double* row = rows_.data() + begin * d_;
    if constexpr (D != 0) {
      double low[D], high[D];
      for (int f = 0; f < D; ++f) low[f] = high[f] = row[f];
      for (Index i = begin + 1; i < end; ++i) {
        row += D;
        for (int f = 0; f < D; ++f) {
          low[f] = row[f] < low[f] ? row[f] : low[f];
          high[f] = row[f] > high[f] ? row[f] : high[f];
        }
      }
      std::copy_n(low, D, box);
      std::copy_n(high, D, box + D);
    } else {
      std::copy_n(row, d_, box);
      std::copy_n(row, d_, box + d_);
      for (Index i = begin + 1; i < end; ++i) {
        row += d_;
        for (Index f = 0; f < d_; ++f) {
          box[f] = row[f] < box[f] ? row[f] : box[f];
          box[d_ + f] = row[f] > box[d_ + f] ? row[f] : box[d_ + f];
        }
      }
    }
  }

  // Puts the samples of the node that are below the cut first, all in the order they had; returns where the others
  // begin.
  Index split(const Node& node, const double* box) {
    Index widest = 0;
    double width = -1;
    for (Index f = 0; f < d_; ++f)
      if (const double here = box[d_ + f] / 2 - box[f] / 2; here > width) {
        width = here;
        widest = f;
      }
    const double low = box[widest];
    const double high = box[d_ + widest];
    const bool fill_leaves = d_ >= many_features && node.size() <= 64 * leaf_size_;
    if (!(low < high) || depth_ >= max_middle_depth || fill_leaves) return split_in_half(node, widest);
    double cut = low / 2 + high / 2;
    if (!(cut >= low && cut < high)) cut = low;
    double* rows = rows_.data();
    double* aside = other_.data() + node.begin * d_;
    std::int32_t* index = tree_.index.data();
    std::int32_t* index_aside = other_index_.data() + node.begin;
    Index left = node.begin;
    Index right = 0;
    for (Index i = node.begin; i < node.end; ++i) {
      const double* row = rows + i * d_;
      const std::int32_t sample = index[i];
      const bool below = row[widest] <= cut;
      if constexpr (D != 0) {
        // to both places, then one of them moves on: no branch to guess
        double copy[D];
        std::copy_n(row, D, copy);
        std::copy_n(copy, D, rows + left * D);
        std::copy_n(copy, D, aside + right * D);
        index[left] = sample;
        index_aside[right] = sample;
      } else if (below) {
        if (left != i) std::copy_n(row, d_, rows + left * d_);
        index[left] = sample;
      } else {
        std::copy_n(row, d_, aside + right * d_);
        index_aside[right] = sample;
      }
      left += below;
      right += !below;
    }
    std::copy_n(aside, right * d_, rows + left * d_);
    std::copy_n(index_aside, right, index + left);
    return left;
  }

  // Halves by (value, index), each in ascending order of the index; the first a number of full leaves if it can be.
  Index split_in_half(const Node& node, Index f) {
    const Index size = node.size();
    const Index leaves = (size / 2 + leaf_size_ / 2) / leaf_size_;
    const Index half = leaves > 0 && leaves * leaf_size_ < size ? leaves * leaf_size_ : size / 2;
    double* rows = rows_.data() + node.begin * d_;
    std::int32_t* index = tree_.index.data() + node.begin;
    double* aside = other_.data() + node.begin * d_;
    std::int32_t* order = other_index_.data() + node.begin;
    std::iota(order, order + size, 0);
    std::nth_element(order, order + half, order + size, [&](std::int32_t a, std::int32_t b) {
      const double x = rows[a * d_ + f];
      const double y = rows[b * d_ + f];
      return x < y || (x == y && a < b);
    });
    std::sort(order, order + half);
    std::sort(order + half, order + size);
    for (Index i = 0; i < size; ++i) {
      std::copy_n(rows + order[i] * d_, d_, aside + i * d_);
      order[i] = index[order[i]];
    }
    std::copy_n(aside, size * d_, rows);
    std::copy_n(order, size, index);
    return node.begin + half;
  }

  CellTree& tree_;
  const Reach& reach_;
  double dense_weight_;
  std::span<const double> weight_;
  Index leaf_size_;
  Index d_;
  int depth_ = 0;
  AlignedVector<double> rows_, other_;
  std::vector<std::int32_t> other_index_;
};

template <int D, class T>
void build(CellTree& tree, Points<const T> x, std::span<const double> weight, const Reach& reach, double dense_weight,
           Index leaf_size, Run& run) {
  Builder<D> builder(tree, reach, dense_weight, weight, leaf_size);
  builder.load(x, run);
  builder.grow(run);
  builder.finish(run);
}

}  // namespace

template <class T>
CellTree build_cells(Points<const T> x, std::span<const double> weight, const Reach& reach, double dense_weight,
                     Index leaf_size, Run& run) {
  CellTree tree;
  tree.n_samples = x.n_samples;
  tree.n_features = x.n_features;
  switch (x.n_features) {
    case 1:
      build<1>(tree, x, weight, reach, dense_weight, leaf_size, run);
      break;
    case 2:
      build<2>(tree, x, weight, reach, dense_weight, leaf_size, run);
      break;
    case 3:
      build<3>(tree, x, weight, reach, dense_weight, leaf_size, run);
      break;
    case 4:
      build<4>(tree, x, weight, reach, dense_weight, leaf_size, run);
      break;
    case 5:
      build<5>(tree, x, weight, reach, dense_weight, leaf_size, run);
      break;
    default:
      build<0>(tree, x, weight, reach, dense_weight, leaf_size, run);
  }
  return tree;
}

template CellTree build_cells(Points<const float>, std::span<const double>, const Reach&, double, Index, Run&);
template CellTree build_cells(Points<const double>, std::span<const double>, const Reach&, double, Index, Run&);

}  // namespace shoal::density
