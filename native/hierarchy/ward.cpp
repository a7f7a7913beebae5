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
constexpr Nearest nobody{inf, no_cluster, inf};
constexpr std::int32_t unknown = -1;
constexpr Index lanes = 16;
// A union that is nearer than this part of a bound is so whatever rounding does.
constexpr double below = 1 - 1e-12;
// Two heights that differ by no more than this part may be equal in another formula's rounding, ...
constexpr double alike = 1e-10;
// ... or by what rounding of centres does: so many units in the last place of the largest coordinate.
constexpr double center_rounding = 16 * std::numeric_limits<double>::epsilon();

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

double half_sq_norm(const double* center, Index d) {
  double sum = 0;
  for (Index f = 0; f < d; ++f) sum += center[f] * center[f];
  return sum / 2;
}

// Position i: centre, 1 / size, and the last row in it, which is its name.
struct Clusters {
  Index n, d;
  /// What products in single precision can be wrong by in a squared distance, rounding of the centres included;
  /// infinite where differences are the better way: for few features, for data so far from zero that products would
  /// leave most open, and beyond the range of float.
  float product_error = std::numeric_limits<float>::infinity();
  bool by_products() const { return product_error < std::numeric_limits<float>::infinity(); }
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
  // Decides on products. Centres of unions lie among those of the rows, so that no norm is larger than theirs.
  void look_at_norms() {
    if (d < 8) return;
    double most = 0, norms = 0, sq = 0;
    std::vector<double> mean(at(d));
    for (Index i = 0; i < n; ++i) {
      const double own = 2 * half_sq_norm(row(i), d);
      most = std::max(most, own);
      norms += own / static_cast<double>(n);
      for (Index f = 0; f < d; ++f) mean[at(f)] += row(i)[f] / static_cast<double>(n);
    }
    for (const double m : mean) sq += m * m;
    if (!(sq <= 0.9 * norms) || !(most > 1e-30) || !(most < 1e36)) return;
    // floats hold the inverses of the sizes, of single rows and of all together, and what they are multiplied with
    double total = 0, lightest = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < n; ++i) {
      total += 1 / inverse[at(i)];
      lightest = std::min(lightest, 1 / inverse[at(i)]);
    }
    constexpr double extreme = 1e12;
    if (!(total < extreme) || !(lightest * extreme > 1) || !(most * extreme > 1)) return;
    product_error = static_cast<float>(4 * (static_cast<double>(d) + 8) * std::numeric_limits<float>::epsilon() * most);
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

double value_of(const void* clusters, Index position, const WardQuery& query) {
  const auto& all = *static_cast<const Clusters*>(clusters);
  const double* row = all.row(position);
  double sum = 0;
  for (Index f = 0; f < all.d; ++f) {
    const double difference = query.center[f] - row[f];
    sum += difference * difference;
  }
  return sum / (query.inverse + all.inverse[at(position)]);
}

// Clusters as the kernels want them: feature by feature, in double for differences or in float for products.
class Block {
 public:
  explicit Block(const Clusters& clusters) : clusters_(clusters), single_(clusters.by_products()) {}

  /// Room for `size` more clusters; returns where they begin.
  Index grow(Index size) {
    const auto first = static_cast<Index>(ids_.size());
    const auto end = at(first + (size + lanes - 1) / lanes * lanes);
    if (single_) {
      columns_f32_.resize(end * at(clusters_.d));
      inverses_f32_.resize(end);
      half_sq_.resize(end);
    } else {
      columns_.resize(end * at(clusters_.d));
      inverses_.resize(end);
    }
    ids_.resize(end);
    positions_.resize(end);
    return first;
  }
  /// Puts the cluster at `position` at place i of a piece that begins at `first` and is `stride` long.
  void put(Index first, Index stride, Index i, Index position) {
    const double* row = clusters_.row(position);
    const double inverse = clusters_.inverse[at(position)];
    ids_[at(first + i)] = clusters_.id[at(position)];
    positions_[at(first + i)] = static_cast<std::int32_t>(position);
    if (single_) {
      float* to = columns_f32_.data() + first * clusters_.d + i;
      for (Index f = 0; f < clusters_.d; ++f) to[f * stride] = static_cast<float>(row[f]);
      inverses_f32_[at(first + i)] = static_cast<float>(inverse);
      half_sq_[at(first + i)] = static_cast<float>(half_sq_norm(row, clusters_.d));
    } else {
      double* to = columns_.data() + first * clusters_.d + i;
      for (Index f = 0; f < clusters_.d; ++f) to[f * stride] = row[f];
      inverses_[at(first + i)] = inverse;
    }
  }
  /// It is far from all from now on, and its name is nobody's.
  void remove(Index i) {
    ids_[at(i)] = nobody.id;
    if (single_)
      half_sq_[at(i)] = std::numeric_limits<float>::infinity();
    else
      columns_[at(i)] = inf;
  }

  /// A query and its rows in both precisions.
  class Query {
   public:
    Query(const Clusters& clusters, Index i) {
      const double* row = clusters.row(i);
      if (clusters.by_products()) center_f32_.assign(row, row + clusters.d);
      query_ = {row, center_f32_.data(), static_cast<float>(half_sq_norm(row, clusters.d)), clusters.inverse[at(i)],
                clusters.id[at(i)]};
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    const WardQuery& operator*() const { return query_; }

   private:
    std::vector<float> center_f32_;
    WardQuery query_;
  };

  /// Looks at `size` clusters of the piece.
  void nearest(Index first, Index stride, Index size, const Query& query, Nearest* best) const {
    const std::int32_t* ids = ids_.data() + first;
    if (single_) {
      const WardBlock block{columns_f32_.data() + first * clusters_.d,
                            stride,
                            clusters_.d,
                            half_sq_.data() + first,
                            inverses_f32_.data() + first,
                            ids,
                            clusters_.product_error};
      screen_kernels().nearest_ward(block, {&clusters_, positions_.data() + first, value_of}, 0, size, *query, best);
    } else {
      point_kernels().nearest_ward({columns_.data() + first * clusters_.d, stride, clusters_.d},
                                   inverses_.data() + first, ids, 0, size, (*query).center, (*query).inverse,
                                   (*query).own, best);
    }
  }

 private:
  const Clusters& clusters_;
  const bool single_;
  AlignedVector<double> columns_, inverses_;
  AlignedVector<float> columns_f32_, inverses_f32_, half_sq_;
  std::vector<std::int32_t> ids_, positions_;
};

// A k-d tree over the clusters, halved at the median of the widest side; leaves are blocks feature by feature.
class Search {
 public:
  Search(const Clusters& clusters, Run& run)
      : clusters_(clusters), d_(clusters.d), leaf_clusters_(d_ > 6 ? 128 : 32), block_(clusters) {
    order_.resize(at(clusters.n));
    std::iota(order_.begin(), order_.end(), 0);
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
    const Block::Query own(clusters_, i);
    waiting[n_waiting++] = {0, 0};
    while (n_waiting > 0) {
      const Waiting next = waiting[--n_waiting];
      const Node& node = nodes_[at(next.node)];
      if (too_far(next.sum, node, inverse, best)) continue;
      if (node.left < 0) {
        block_.nearest(node.first, node.stride, node.size, own, &best);
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
    run.checkpoint();
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
    leaf.stride = (end - begin + lanes - 1) / lanes * lanes;
    leaf.first = block_.grow(end - begin);
    for (Index i = begin; i < end; ++i) block_.put(leaf.first, leaf.stride, i - begin, order_[at(i)]);
  }

  const Clusters& clusters_;
  Index d_, leaf_clusters_;
  std::vector<std::int32_t> order_;
  std::vector<Node> nodes_;
  std::vector<double> boxes_;
  Block block_;
};

class Ward {
 public:
  Ward(Points<const double> x, Weights<double> weight, const WardPlan& plan, Run& run)
      : run_(run), plan_(plan), weighted_(weight), total_(x.n_samples - 1), place_(at(x.n_samples)) {
    clusters_.n = x.n_samples;
    clusters_.d = x.n_features;
    clusters_.center.assign(x.data, x.data + x.size());
    clusters_.inverse.resize(at(x.n_samples));
    for (Index i = 0; i < x.n_samples; ++i) clusters_.inverse[at(i)] = 1 / weight[i];
    clusters_.id.resize(at(x.n_samples));
    std::iota(clusters_.id.begin(), clusters_.id.end(), 0);
    clusters_.look_at_norms();
    if (plan_.unless_tied) {
      double most = 0;
      for (const double value : clusters_.center) most = std::max(most, std::abs(value));
      center_error_ = center_rounding * most * std::sqrt(static_cast<double>(clusters_.d));
    }
    nearest_.assign(at(x.n_samples), nobody);
    known_.assign(at(x.n_samples), 0);
    found_.reserve(at(total_));
  }

  /// Nothing where merges tie and the plan is not to go on then.
  std::vector<Merge> merges() {
    while (clusters_.n > 1) {
      if (tied_) return {};
      run_.checkpoint();
      run_.progress("merges", static_cast<double>(found_.size()), static_cast<double>(total_));
      look();
      const Index before = clusters_.n;
      const Index pairs = merge_pairs();
      if (pairs == 0)
        std::fill(known_.begin(), known_.end(), char{0});  // ties or rounding after a merge; a fresh look finds a pair
      else if (static_cast<double>(pairs) < plan_.fewest * static_cast<double>(before))
        follow_chain();
    }
    run_.progress("merges", static_cast<double>(total_), static_cast<double>(total_));
    if (tied_ || (plan_.unless_tied && heights_tie())) return {};
    return std::move(found_);
  }

 private:
  // Of two merges that are equally high, the order is arbitrary.
  bool heights_tie() const {
    std::vector<std::int32_t> order(found_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto height = [&](std::int32_t m) { return found_[at(m)].height; };
    std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return height(a) < height(b); });
    return std::adjacent_find(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
             return height(b) - height(a) <= alike * height(b) + errors_[at(a)] + errors_[at(b)];
           }) != order.end();
  }
  // Notes what rounding of centres can do to the height, and whether that is much or another cluster is as near.
  void look_for_tie(Index i, Index j, double value) {
    const double near =
        1 / std::min(clusters_.inverse[at(i)], clusters_.inverse[at(j)]);  // no pair has a larger factor
    const double error =
        near > 1 || weighted_ ? center_error_ * std::sqrt(2 * near) : 0;  // single rows are not rounded
    const double second = std::sqrt(2 * std::min(nearest_[at(i)].second, nearest_[at(j)].second));
    const double height = std::sqrt(2 * value);
    if (second * (1 - alike) - height <= 2 * error || error > alike * height) tied_ = true;
    errors_.push_back(error);
  }

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
    if (plan_.unless_tied) look_for_tie(i, j, value);
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
    const Index stride = (n + lanes - 1) / lanes * lanes;
    for (Index i = 0; i < n; ++i) place_[at(clusters_.id[at(i)])] = static_cast<std::int32_t>(i);
    Block all(clusters_);
    all.grow(n);
    for (Index i = 0; i < n; ++i) all.put(0, stride, i, i);
    std::vector<char> gone(at(n), 0);
    std::vector<std::int32_t> chain;
    std::vector<double> link;
    Index first = 0;
    std::uint32_t looks = 0;
    for (Index left = n; 2 * left > n && left > 1 && !tied_; --left) {
      if (chain.empty()) {
        while (gone[at(first)]) ++first;
        chain.push_back(static_cast<std::int32_t>(first));
      }
      Index i, j;
      for (;;) {
        i = chain.back();
        Nearest& near = nearest_[at(i)];
        if (!known_[at(i)]) {
          if (++looks % 16 == 0) run_.checkpoint();
          near = nobody;
          all.nearest(0, stride, n, Block::Query(clusters_, i), &near);
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
      all.remove(j);
      clusters_.id[at(j)] = nobody.id;
      known_[at(i)] = 0;
      all.put(0, stride, i, i);
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
  WardPlan plan_;
  bool tied_ = false;
  bool weighted_;               // a size does not tell rows from unions
  double center_error_ = 0;     // of the distance of two centres
  std::vector<double> errors_;  // of heights found
  Index total_;
  Clusters clusters_;
  std::vector<std::int32_t> place_;  // of the cluster with this name
  std::vector<Nearest> nearest_;     // of each position, where known_; else a guess, or nobody
  std::vector<char> known_;
  std::vector<Merge> found_;
};

}  // namespace

std::vector<Merge> merge_ward(Points<const double> x, Weights<double> weight, const WardPlan& plan, Run& run) {
  if (x.n_samples < 2) return {};
  auto merges = Ward(x, weight, plan, run).merges();
  raise_heights(merges);
  return merges;
}

}  // namespace shoal::hierarchy
