#include "density/pairs.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "density/sets.hpp"
#include "distance/codes.hpp"
#include "distance/tile.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

using distance::Codes;

constexpr Index block_size = 64;
constexpr Index fewest_samples = 2048;
constexpr Index n_guesses = 4;           // blocks that are looked at before
constexpr double least_looked_at = 0.5;  // part of the blocks that boxes must leave to look at
constexpr double least_cost = 0.45;      // part of the looks that samples must need until they have enough
constexpr Index most_pairs = 24;         // per sample
constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Two samples within reach of each other: their rows in the data.
struct NearPair {
  std::int32_t a, b;
};

// Blocks of samples that follow each other in the tree. Where there are codes, they leave few pairs to be looked at;
// else the screen looks at all.
class PairBlocks {
 public:
  PairBlocks(const CellTree& tree, const ScreenedTree& screened, const Reach& reach, Run& run)
      : tree_(tree),
        screened_(screened),
        reach_(reach),
        n_(tree.n_samples),
        d_(tree.n_features),
        count_((n_ + block_size - 1) / block_size),
        data_(at(count_ * block_size * d_ + screen_padding)),
        half_norm_(at(count_ * block_size + screen_padding)),
        boxes_(at(2 * count_ * d_)),
        leaf_of_(at(n_)) {
    for (const std::int32_t l : tree_.leaves) {
      const Node& leaf = tree_.nodes[at(l)];
      std::fill(leaf_of_.begin() + leaf.begin, leaf_of_.begin() + leaf.end, l);
    }
    encode(run);
    for (Index b = 0; b < count_; ++b) {
      std::fill_n(boxes_.begin() + 2 * b * d_, d_, std::numeric_limits<double>::infinity());
      std::fill_n(boxes_.begin() + (2 * b + 1) * d_, d_, -std::numeric_limits<double>::infinity());
    }
    for (const std::int32_t l : tree_.leaves) {
      run.checkpoint();
      const Node& leaf = tree_.nodes[at(l)];
      const ScreenBlock from = screened_.block(leaf);
      const Block exact = tree_.block(leaf);
      for (Index i = 0; i < leaf.size(); ++i) {
        const Index position = leaf.begin + i;
        const Index b = position / block_size;
        float* to = coded() ? data_.data() + position * d_ : data_.data() + b * block_size * d_ + position % block_size;
        double* box = boxes_.data() + 2 * b * d_;
        for (Index f = 0; f < d_; ++f) {
          to[coded() ? f : f * block_size] = from.data[f * from.stride + i];
          const double value = exact.data[f * exact.stride + i];
          box[f] = std::min(box[f], value);
          box[d_ + f] = std::max(box[d_ + f], value);
        }
        half_norm_[at(position)] = from.half_norm[i];
      }
    }
  }

  /// One block, as it is compared with others.
  struct Queries {
    Index block;
    std::array<Codes<double>::Queries, block_size / distance::most_queries> parts;
  };
  Queries queries(Index b) const {
    Queries out{b, {}};
    if (!coded()) return out;
    std::array<Index, distance::most_queries> samples;
    for (std::size_t part = 0; part < out.parts.size(); ++part) {
      const Index begin = b * block_size + static_cast<Index>(part * samples.size());
      const Index n = std::clamp<Index>(n_ - begin, 0, std::ssize(samples));
      std::iota(samples.begin(), samples.end(), begin);
      codes_.take(std::span(samples).first(at(n)), out.parts[part]);
    }
    return out;
  }

  Index count() const { return count_; }
  Index size(Index b) const { return std::min(block_size, n_ - b * block_size); }
  bool apart(Index a, Index b) const {
    return !(gap<Norm::sq_euclidean, 0>(boxes_.data() + 2 * a * d_, boxes_.data() + 2 * b * d_, d_, reach_.p) <=
             reach_.radius);
  }
  /// Bit t of within[q]: sample t of block b is within reach of sample q of the queries. Returns the q, as bits, that
  /// may have one.
  std::uint64_t look(const Queries& queries, Index b, Bits& within) const {
    if (coded()) return look_at_codes(queries, b, within);
    Bits doubtful;
    const Index a = queries.block;
    const std::uint64_t near = screened_.look(block(a), block(b), within, doubtful);
    settle(near, doubtful, within, [&](Index q, Index t) { return are_near(a * block_size + q, b * block_size + t); });
    return near;
  }
  std::int32_t sample(Index b, Index i) const { return tree_.index[at(b * block_size + i)]; }

 private:
  bool coded() const { return !code_reach_.empty(); }

  // Codes pay where the radius is many steps of them: the rest that they leave out is a part of it then.
  void encode(Run& run) {
    constexpr Index fewest_features = 24;
    constexpr float fewest_steps = 16;
    if (d_ < fewest_features) return;
    const auto row = [&](Index position, double* to) -> const double* {
      const auto [x, stride] = exact(position);
      for (Index f = 0; f < d_; ++f) to[f] = x[f * stride];
      return to;
    };
    const std::span<const double> box(tree_.box(0), at(2 * d_));
    codes_ = Codes<double>(n_, box.first(at(d_)), box.last(at(d_)), row, run);
    if (!codes_.any()) return;
    const float radius = codes_.steps(std::sqrt(reach_.radius));
    if (!(radius >= fewest_steps)) return;
    code_reach_.resize(at(count_ * block_size));
    for (Index i = 0; i < codes_.padded(); ++i) code_reach_[at(i)] = radius + codes_.rest(i);
  }

  std::uint64_t look_at_codes(const Queries& queries, Index b, Bits& within) const {
    constexpr Index lanes = Codes<double>::lanes;
    constexpr Index panels = block_size / lanes;
    const Index first = b * panels;
    const Index last = std::min(first + panels, codes_.padded() / lanes);
    std::array<std::uint16_t, block_size> near{};
    std::uint64_t any = 0;
    within.fill(0);
    for (std::size_t part = 0; part < queries.parts.size(); ++part) {
      if (queries.parts[part].rest.empty()) break;
      if (codes_.screen(queries.parts[part], first, last, code_reach_.data(), near.data()) == 0) continue;
      for (Index t = 0; t < block_size; t += 4) {
        std::uint64_t four;  // samples, most of which have none
        std::memcpy(&four, near.data() + t, sizeof(four));
        if (!four) continue;
        for (Index s = t; s < std::min(t + 4, size(b)); ++s)
          for (unsigned left = near[at(s)]; left; left &= left - 1) {
            const Index q = static_cast<Index>(part) * distance::most_queries + std::countr_zero(left);
            if (!close(queries.block * block_size + q, b * block_size + s)) continue;
            within[at(q)] |= std::uint64_t{1} << s;
            any |= std::uint64_t{1} << q;
          }
      }
    }
    return any;
  }
  // By rows in float first: their difference errs by less than the expanded form does (screen_margin).
  bool close(Index i, Index j) const {
    const float* rows = data_.data();
    const float half_sq = distance::tile<float>().sq_dist(rows + i * d_, rows + j * d_, d_) / 2;
    const float doubt = screened_.margin() * (half_norm_[at(i)] + half_norm_[at(j)]);
    if (half_sq - doubt > screened_.half_radius()) return false;
    return half_sq + doubt < screened_.half_radius() || are_near(i, j);
  }

  ScreenBlock block(Index b) const {
    return {data_.data() + b * block_size * d_, block_size, half_norm_.data() + b * block_size, size(b), d_};
  }
  // As the tree has them, in double: what the screen leaves open.
  bool are_near(Index i, Index j) const {
    const auto [x, x_stride] = exact(i);
    const auto [y, y_stride] = exact(j);
    double norm = 0;
    for (Index f = 0; f < d_; ++f)
      norm = add_norm<Norm::sq_euclidean>(norm, x[f * x_stride] - y[f * y_stride], reach_.p);
    return norm <= reach_.radius;
  }
  std::pair<const double*, Index> exact(Index position) const {
    const Node& leaf = tree_.nodes[at(leaf_of_[at(position)])];
    const Block samples = tree_.block(leaf);
    return {samples.data + (position - leaf.begin), samples.stride};
  }

  const CellTree& tree_;
  const ScreenedTree& screened_;
  const Reach& reach_;
  Index n_, d_, count_;
  AlignedVector<float> data_, half_norm_;  // rows where there are codes, else feature by feature in each block
  std::vector<double> boxes_;
  std::vector<std::int32_t> leaf_of_;  // each position
  Codes<double> codes_;
  std::vector<float> code_reach_;  // the radius, and what the code of a sample leaves out, in steps
};

// Guesses from a few blocks: few others are apart from them, and their samples look long until they have enough.
bool pays(const PairBlocks& blocks, double min_samples, Run& run) {
  Bits within;
  Index looked_at = 0, asked = 0, near = 0;
  double cost = 0;
  for (Index guess = 0; guess < n_guesses; ++guess) {
    run.checkpoint();
    const Index own = (2 * guess + 1) * blocks.count() / (2 * n_guesses);
    std::array<Index, block_size> found{};
    const auto queries = blocks.queries(own);
    for (Index other = 0; other < blocks.count(); ++other) {
      if (blocks.apart(own, other)) continue;
      ++looked_at;
      for (std::uint64_t left = blocks.look(queries, other, within); left; left &= left - 1) {
        const auto q = at(std::countr_zero(left));
        found[q] += std::popcount(within[q]);
      }
    }
    for (Index q = 0; q < blocks.size(own); ++q) {
      near += found[at(q)];
      cost += std::min(1.0, min_samples / static_cast<double>(std::max<Index>(1, found[at(q)])));
    }
    asked += blocks.size(own);
  }
  return static_cast<double>(looked_at) >= least_looked_at * static_cast<double>(n_guesses * blocks.count()) &&
         cost >= least_cost * static_cast<double>(asked) && near <= 2 * most_pairs * asked;
}

// All pairs, block by block; nothing when there are too many.
std::optional<std::vector<std::vector<NearPair>>> near_pairs(const PairBlocks& blocks, Index most, Run& run) {
  std::vector<std::vector<NearPair>> found(at(blocks.count()));
  std::atomic<Index> total{0};
  std::atomic<Index> done{0};
  const double n = static_cast<double>(blocks.count() * block_size);
  parallel::for_blocks(parallel::Blocks{blocks.count(), 1}, run, n * n, [&](Index a, int thread) {
    Bits within;
    std::vector<NearPair>& own = found[at(a)];
    const auto queries = blocks.queries(a);
    for (Index b = a; b < blocks.count() && total.load(std::memory_order_relaxed) <= most && !run.stopped(); ++b) {
      if (thread == 0 && b % 64 == 0) run.tick();
      if (blocks.apart(a, b)) continue;
      const Index before = std::ssize(own);
      for (std::uint64_t left = blocks.look(queries, b, within); left; left &= left - 1) {
        const Index q = std::countr_zero(left);
        std::uint64_t bits = within[at(q)];
        if (a == b) bits = q == block_size - 1 ? 0 : bits & ~std::uint64_t{0} << (q + 1);
        for (; bits; bits &= bits - 1) own.push_back({blocks.sample(a, q), blocks.sample(b, std::countr_zero(bits))});
      }
      if (std::ssize(own) > before) total.fetch_add(std::ssize(own) - before, std::memory_order_relaxed);
    }
    const Index finished = done.fetch_add(1) + 1;
    if (thread == 0) run.progress("pairs", static_cast<double>(finished), static_cast<double>(blocks.count()));
  });
  run.progress("pairs", 1, 1);
  if (total > most) return std::nullopt;
  return found;
}

DbscanResult labels_of(const std::vector<std::vector<NearPair>>& pairs, Index n, std::span<const double> weight,
                       double min_samples, Run& run) {
  const auto each = [&](auto&& visit) {
    for (const std::vector<NearPair>& some : pairs) {
      run.checkpoint();
      for (const NearPair& pair : some) visit(pair.a, pair.b);
    }
  };
  const auto weight_of = [&](std::int32_t i) { return weight.empty() ? 1.0 : weight[at(i)]; };
  std::vector<double> sum(at(n));
  for (Index i = 0; i < n; ++i) sum[at(i)] = weight_of(static_cast<std::int32_t>(i));
  each([&](std::int32_t a, std::int32_t b) {
    sum[at(a)] += weight_of(b);
    sum[at(b)] += weight_of(a);
  });
  const auto is_core = [&](Index i) { return sum[at(i)] >= min_samples; };
  Sets sets(n);
  each([&](std::int32_t a, std::int32_t b) {
    if (is_core(a) && is_core(b)) sets.unite(a, b);
  });
  DbscanResult result;
  result.labels.assign(at(n), none);
  std::int32_t clusters = 0;
  for (Index i = 0; i < n; ++i) {
    if (!is_core(i)) continue;
    result.core_samples.push_back(i);
    const Index root = sets.find(i);  // the first of the cluster
    result.labels[at(i)] = root == i ? clusters++ : result.labels[at(root)];
  }
  each([&](std::int32_t a, std::int32_t b) {
    if (is_core(a) == is_core(b)) return;
    if (is_core(b)) std::swap(a, b);
    result.labels[at(b)] = std::min(result.labels[at(b)], result.labels[at(a)]);
  });
  std::replace(result.labels.begin(), result.labels.end(), none, std::int32_t{-1});
  return result;
}

}  // namespace

std::optional<DbscanResult> dbscan_by_pairs(const CellTree& tree, const ScreenedTree& screened,
                                            std::span<const double> weight, const Reach& reach, double min_samples,
                                            Run& run) {
  if (tree.n_samples < fewest_samples && parallel::forced_block_length() == 0) return std::nullopt;  // tests force it
  std::optional<std::vector<std::vector<NearPair>>> pairs;
  {
    const PairBlocks blocks(tree, screened, reach, run);
    if (pays(blocks, min_samples, run)) pairs = near_pairs(blocks, most_pairs * tree.n_samples, run);
  }
  if (!pairs) return std::nullopt;
  return labels_of(*pairs, tree.n_samples, weight, min_samples, run);
}

}  // namespace shoal::density
