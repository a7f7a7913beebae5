#include "hierarchy/ward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "hierarchy/kernels.hpp"
#include "parallel/parallel_for.hpp"
#include "simd/aligned.hpp"

namespace shoal::hierarchy {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr Nearest nobody{inf, std::numeric_limits<std::int32_t>::max(), inf};
constexpr std::int32_t unknown = -1;
constexpr Index lanes = 8;
// A union that is nearer than this part of a bound is so whatever rounding does.
constexpr double below = 1 - 1e-12;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Position i: centre, 1 / size, and the last row in it, which is its name.
struct Clusters {
  Index n, d;
  std::vector<double> center;
  std::vector<double> inverse;
  std::vector<std::int32_t> id;

  const double* row(Index i) const { return center.data() + i * d; }
  double* row(Index i) { return center.data() + i * d; }

  double value(Index i, Index j) const {
    double sum = 0;
    for (Index f = 0; f < d; ++f) {
      const double difference = row(i)[f] - row(j)[f];
      sum += difference * difference;
    }
    return sum / (inverse[at(i)] + inverse[at(j)]);
  }
  // The union of i and j, in place of i; ordered by name, so that it does not matter which is which.
  void unite(Index i, Index j) {
    const bool swapped = id[at(i)] > id[at(j)];
    const double* a = row(swapped ? j : i);
    const double* b = row(swapped ? i : j);
    const double size_a = 1 / inverse[at(swapped ? j : i)];
    const double size_b = 1 / inverse[at(swapped ? i : j)];
    const double share = size_b / (size_a + size_b);
    double* to = row(i);
    for (Index f = 0; f < d; ++f) to[f] = a[f] + (b[f] - a[f]) * share;
    inverse[at(i)] = 1 / (size_a + size_b);
    id[at(i)] = std::max(id[at(i)], id[at(j)]);
  }
  void move(Index from, Index to) {
    if (from == to) return;
    std::copy_n(row(from), d, row(to));
    inverse[at(to)] = inverse[at(from)];
    id[at(to)] = id[at(from)];
  }
};

// A k-d tree over the clusters, halved at the median of the widest side; leaves are blocks feature by feature.
class Search {
 public:
  Search(const Clusters& clusters, Run& run)
      : clusters_(clusters), kernels_(point_kernels()), d_(clusters.d), leaf_clusters_(d_ > 6 ? 128 : 32) {
    order_.resize(at(clusters.n));
    std::iota(order_.begin(), order_.end(), 0);
    columns_.reserve(at((clusters.n + clusters.n / 2 + leaf_clusters_) * d_));
    build(0, clusters.n, run);
  }

  /// Positions in the order of the tree: neighbours tend to be near each other.
  const std::vector<std::int32_t>& order() const { return order_; }

  /// The nearest to position i, `best` being one that is known.
  Nearest nearest(Index i, Nearest best) const {
    struct Waiting {
      double sum;
      std::int32_t node;
    };
    Waiting waiting[128];
    int n_waiting = 0;
    const double* query = clusters_.row(i);
    const double inverse = clusters_.inverse[at(i)];
    const std::int32_t own = clusters_.id[at(i)];
    waiting[n_waiting++] = {0, 0};
    while (n_waiting > 0) {
      const Waiting next = waiting[--n_waiting];
      const Node& node = nodes_[at(next.node)];
      if (too_far(next.sum, node, inverse, best)) continue;
      if (node.left < 0) {
        const Columns block{columns_.data() + node.first * d_, node.stride, d_};
        kernels_.nearest_ward(block, inverses_.data() + node.first, ids_.data() + node.first, 0, node.size, query,
                              inverse, own, &best);
        continue;
      }
      Waiting children[2] = {{to_box(query, node.left), node.left}, {to_box(query, node.right), node.right}};
      if (children[0].sum <= children[1].sum) std::swap(children[0], children[1]);
      for (const Waiting& child : children)
        if (!too_far(child.sum, nodes_[at(child.node)], inverse, best)) waiting[n_waiting++] = child;
    }
    return best;
  }

 private:
  struct Node {
    std::int32_t left, right;  // -1: a leaf, of `size` clusters from `first` on
    Index first, stride, size;
    double inverse;  // the largest
  };

  static bool too_far(double sum, const Node& node, double inverse, const Nearest& best) {
    return sum > best.second * (inverse + node.inverse) * (1 + 1e-12);
  }
  double to_box(const double* query, std::int32_t node) const {
    const double* low = boxes_.data() + 2 * d_ * node;
    const double* high = low + d_;
    const auto outside = [&](Index f) {
      const double beyond = std::max(low[f] - query[f], query[f] - high[f]);
      return beyond > 0 ? beyond * beyond : 0.0;
    };
    double sums[4] = {0, 0, 0, 0};
    Index f = 0;
    for (; f + 4 <= d_; f += 4)
      for (Index k = 0; k < 4; ++k) sums[k] += outside(f + k);
    for (; f < d_; ++f) sums[0] += outside(f);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  std::int32_t build(Index begin, Index end, Run& run) {
    run.tick();
    const auto own = static_cast<std::int32_t>(nodes_.size());
    nodes_.push_back({-1, -1, 0, 0, end - begin, 0});
    const std::size_t box = boxes_.size();
    boxes_.resize(box + at(2 * d_));
    std::copy_n(clusters_.row(order_[at(begin)]), d_, boxes_.data() + box);
    std::copy_n(clusters_.row(order_[at(begin)]), d_, boxes_.data() + box + d_);
    double inverse = 0;
    for (Index i = begin; i < end; ++i) {
      const double* row = clusters_.row(order_[at(i)]);
      double* low = boxes_.data() + box;
      double* high = low + d_;
      for (Index f = 0; f < d_; ++f) {
        low[f] = std::min(low[f], row[f]);
        high[f] = std::max(high[f], row[f]);
      }
      inverse = std::max(inverse, clusters_.inverse[at(order_[at(i)])]);
    }
    nodes_[at(own)].inverse = inverse;
    if (end - begin <= leaf_clusters_) {
      fill(nodes_[at(own)], begin, end);
      return own;
    }
    Index widest = 0;
    for (Index f = 1; f < d_; ++f) {
      const double* low = boxes_.data() + box;
      if (low[d_ + f] - low[f] > low[d_ + widest] - low[widest]) widest = f;
    }
    const Index middle = (begin + (end - begin) / 2 + lanes - 1) / lanes * lanes;
    const Index cut = std::min(middle, end - 1);
    std::nth_element(order_.begin() + begin, order_.begin() + cut, order_.begin() + end,
                     [&](std::int32_t a, std::int32_t b) {
                       const double x = clusters_.row(a)[widest];
                       const double y = clusters_.row(b)[widest];
                       return x != y ? x < y : a < b;
                     });
    const std::int32_t left = build(begin, cut, run);
    const std::int32_t right = build(cut, end, run);
    nodes_[at(own)].left = left;
    nodes_[at(own)].right = right;
    return own;
  }

  void fill(Node& leaf, Index begin, Index end) {
    leaf.first = static_cast<Index>(ids_.size());
    leaf.stride = (end - begin + lanes - 1) / lanes * lanes;
    columns_.resize(columns_.size() + at(leaf.stride * d_));
    inverses_.resize(inverses_.size() + at(leaf.stride), 0.0);
    ids_.resize(ids_.size() + at(leaf.stride));
    for (Index i = begin; i < end; ++i) {
      const std::int32_t position = order_[at(i)];
      double* to = columns_.data() + leaf.first * d_ + (i - begin);
      for (Index f = 0; f < d_; ++f) to[f * leaf.stride] = clusters_.row(position)[f];
      inverses_[at(leaf.first + i - begin)] = clusters_.inverse[at(position)];
      ids_[at(leaf.first + i - begin)] = clusters_.id[at(position)];
    }
  }

  const Clusters& clusters_;
  const PointKernels& kernels_;
  Index d_, leaf_clusters_;
  std::vector<std::int32_t> order_;
  std::vector<Node> nodes_;
  std::vector<double> boxes_;
  AlignedVector<double> columns_, inverses_;
  std::vector<std::int32_t> ids_;
};

class Ward {
 public:
  Ward(Points<const double> x, Weights<double> weight, double fewest, Run& run)
      : run_(run), fewest_(fewest), total_(x.n_samples - 1), place_(at(x.n_samples)) {
    clusters_.n = x.n_samples;
    clusters_.d = x.n_features;
    clusters_.center.assign(x.data, x.data + x.size());
    clusters_.inverse.resize(at(x.n_samples));
    for (Index i = 0; i < x.n_samples; ++i) clusters_.inverse[at(i)] = 1 / weight[i];
    clusters_.id.resize(at(x.n_samples));
    std::iota(clusters_.id.begin(), clusters_.id.end(), 0);
    nearest_.assign(at(x.n_samples), nobody);
    known_.assign(at(x.n_samples), 0);
    found_.reserve(at(total_));
  }

  std::vector<Merge> merges() {
    while (clusters_.n > 1) {
      run_.checkpoint();
      run_.progress("merges", static_cast<double>(found_.size()), static_cast<double>(total_));
      look();
      const Index before = clusters_.n;
      const Index pairs = merge_pairs();
      if (pairs == 0)
        std::fill(known_.begin(), known_.end(), char{0});  // ties or rounding after a merge; a fresh look finds a pair
      else if (static_cast<double>(pairs) < fewest_ * static_cast<double>(before))
        follow_chain();
    }
    run_.progress("merges", static_cast<double>(total_), static_cast<double>(total_));
    return std::move(found_);
  }

 private:
  // The nearest of every cluster of which it is not known.
  void look() {
    for (Index i = 0; i < clusters_.n; ++i) place_[at(clusters_.id[at(i)])] = static_cast<std::int32_t>(i);
    const Search search(clusters_, run_);
    std::vector<std::int32_t> ask;
    for (const std::int32_t i : search.order())
      if (!known_[at(i)]) ask.push_back(i);
    const auto blocks = parallel::blocks_of(static_cast<Index>(ask.size()), 1024, std::size_t{1} << 15, 8);
    parallel::for_blocks(blocks, run_, 1000.0 * static_cast<double>(ask.size()), [&](Index b, int thread) {
      for (Index q = blocks.begin(b); q < blocks.end(b); ++q) {
        const Index i = ask[at(q)];
        Nearest best = nobody;
        if (nearest_[at(i)].id != nobody.id) {
          const Index guess = place_[at(nearest_[at(i)].id)];
          best = {clusters_.value(i, guess), clusters_.id[at(guess)], inf};
        }
        nearest_[at(i)] = search.nearest(i, best);
        if (run_.interrupted(thread)) return;
      }
    });
    run_.checkpoint();
    std::fill(known_.begin(), known_.end(), char{1});
  }

  void merge(Index i, Index j, double value) {
    found_.push_back({std::sqrt(2 * value), clusters_.id[at(i)], clusters_.id[at(j)]});
    clusters_.unite(i, j);
  }

  // Merges all pairs that are each other's nearest; returns how many.
  Index merge_pairs() {
    const Index n = clusters_.n;
    std::vector<std::int32_t> into(at(n), unknown);  // the position that a cluster has merged into
    Index pairs = 0;
    for (Index i = 0; i < n; ++i) {
      const std::int32_t j = place_[at(nearest_[at(i)].id)];
      if (j <= i || place_[at(nearest_[at(j)].id)] != i) continue;
      into[at(i)] = into[at(j)] = static_cast<std::int32_t>(i);
      ++pairs;
    }
    for (Index i = 0; i < n; ++i) {  // while names are those of before
      if (into[at(i)] == unknown) {
        const std::int32_t near = into[at(place_[at(nearest_[at(i)].id)])];
        if (near == unknown) continue;
        // the union is a good guess; its name is the later of the two
        const std::int32_t other = place_[at(nearest_[at(near)].id)];
        nearest_[at(i)].id = std::max(clusters_.id[at(near)], clusters_.id[at(other)]);
        known_[at(i)] = 0;
      }
    }
    for (Index i = 0; i < n; ++i) {
      if (into[at(i)] != i) continue;
      const std::int32_t other = place_[at(nearest_[at(i)].id)];
      merge(i, other, nearest_[at(i)].value);
      place_[at(clusters_.id[at(i)])] = static_cast<std::int32_t>(i);
      known_[at(i)] = 0;
    }
    for (Index i = 0; i < n; ++i)
      if (into[at(i)] == unknown && !known_[at(i)]) try_union(i, place_[at(nearest_[at(i)].id)]);
    Index kept = 0;
    for (Index i = 0; i < n; ++i) {
      if (into[at(i)] != unknown && into[at(i)] != i) continue;
      if (into[at(i)] == i) nearest_[at(i)] = nobody;
      keep(i, kept++);
    }
    clusters_.n = kept;
    return pairs;
  }
  // Where the nearest of i has gone into the union at position j: is that nearer than all others were?
  void try_union(Index i, Index j) {
    Nearest& near = nearest_[at(i)];
    const double value = clusters_.value(i, j);
    near.id = clusters_.id[at(j)];
    if (!(value < near.second * below)) return;
    near.value = value;
    known_[at(i)] = 1;
  }
  void keep(Index from, Index to) {
    clusters_.move(from, to);
    nearest_[at(to)] = nearest_[at(from)];
    known_[at(to)] = known_[at(from)];
  }

  // The chain of nearest neighbours, looking at all clusters, until half of them have gone.
  void follow_chain() {
    const Index n = clusters_.n;
    const Index d = clusters_.d;
    const Index stride = (n + lanes - 1) / lanes * lanes;
    for (Index i = 0; i < n; ++i) place_[at(clusters_.id[at(i)])] = static_cast<std::int32_t>(i);
    AlignedVector<double> columns(at(stride * d), 0.0);
    AlignedVector<double> inverses(at(stride), 0.0);
    const auto put = [&](Index i) {
      for (Index f = 0; f < d; ++f) columns[at(f * stride + i)] = clusters_.row(i)[f];
      inverses[at(i)] = clusters_.inverse[at(i)];
    };
    for (Index i = 0; i < n; ++i) put(i);
    const Columns all{columns.data(), stride, d};
    std::vector<char> gone(at(n), 0);
    std::vector<std::int32_t> chain;
    std::vector<double> link;
    Index first = 0;
    for (Index left = n; 2 * left > n && left > 1; --left) {
      run_.checkpoint();
      if (chain.empty()) {
        while (gone[at(first)]) ++first;
        chain.push_back(static_cast<std::int32_t>(first));
      }
      Index i, j;
      for (;;) {
        i = chain.back();
        Nearest& near = nearest_[at(i)];
        if (!known_[at(i)]) {
          near = nobody;
          point_kernels().nearest_ward(all, inverses.data(), clusters_.id.data(), 0, n, clusters_.row(i),
                                       clusters_.inverse[at(i)], clusters_.id[at(i)], &near);
          known_[at(i)] = 1;
        }
        if (chain.size() > 1 && !(near.value < link.back())) {
          j = chain[chain.size() - 2];
          break;
        }
        chain.push_back(place_[at(near.id)]);
        link.push_back(near.value);
      }
      const double value = link.back();
      chain.resize(chain.size() - 2);
      link.resize(chain.empty() ? 0 : chain.size() - 1);
      const std::int32_t old[2] = {clusters_.id[at(i)], clusters_.id[at(j)]};
      merge(i, j, value);
      gone[at(j)] = 1;
      columns[at(j)] = inf;  // far from all, and its name now is another's
      clusters_.id[at(j)] = nobody.id;
      known_[at(i)] = 0;
      put(i);
      // the name that has gone leads to a place that has gone, the other to the union, whose neighbours look again
      place_[at(std::min(old[0], old[1]))] = static_cast<std::int32_t>(j);
      place_[at(std::max(old[0], old[1]))] = static_cast<std::int32_t>(i);
      for (Index k = 0; k < n; ++k)
        if (known_[at(k)] && !gone[at(k)] && (nearest_[at(k)].id == old[0] || nearest_[at(k)].id == old[1])) {
          known_[at(k)] = 0;
          try_union(k, i);
        }
    }
    Index kept = 0;
    for (Index i = 0; i < n; ++i) {
      if (gone[at(i)]) continue;
      if (!known_[at(i)]) nearest_[at(i)] = nobody;
      keep(i, kept++);
    }
    clusters_.n = kept;
  }

  Run& run_;
  double fewest_;
  Index total_;
  Clusters clusters_;
  std::vector<std::int32_t> place_;  // of the cluster with this name
  std::vector<Nearest> nearest_;     // of each position, where known_; else a guess, or nobody
  std::vector<char> known_;
  std::vector<Merge> found_;
};

}  // namespace

std::vector<Merge> merge_ward(Points<const double> x, Weights<double> weight, double fewest, Run& run) {
  if (x.n_samples < 2) return {};
  auto merges = Ward(x, weight, fewest, run).merges();
  raise_heights(merges);
  return merges;
}

}  // namespace shoal::hierarchy
