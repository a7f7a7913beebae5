#include "centroid/bisecting.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "centroid/row_kernels.hpp"
#include "centroid/sides.hpp"
#include "centroid/update.hpp"
#include "parallel/parallel_for.hpp"
#include "random/philox.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;
using random::Stream;

// A leaf is split first on a part of it that has at least so many members, then on one so many times as large.
constexpr Index least_part = 1024;
constexpr Index part_growth = 4;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// body(i) for i in [begin, end), on one thread, with an ear for interrupts.
template <class Body>
void for_each(Index begin, Index end, Run& run, Body&& body) {
  constexpr Index stride = Index{1} << 20;
  for (Index from = begin; from < end; from += stride) {
    for (Index i = from; i < std::min(end, from + stride); ++i) body(i);
    run.checkpoint();
  }
}

struct HashOrder {
  std::vector<std::int32_t> samples;  // by the hash of their row, equal hashes by number
  std::vector<std::uint8_t> fresh;    // of a sample: 1 for the first of positive weight of those with its hash
};

// The upper bits of the hashes cut the samples into bins, each sorted alone.
template <class T>
HashOrder order_by_hash(const Rows<T>& x, Weights<T> weight, Run& run) {
  struct Place {
    std::uint64_t hash;
    std::int32_t sample;
  };
  const Index n = x.n_samples;
  const std::vector<std::uint64_t> hash = hash_all(x, run);
  const int bits = std::clamp(static_cast<int>(std::bit_width(at(n))) - 5, 1, 16);
  const auto bin = [&](Index i) { return at(hash[at(i)] >> (64 - bits)); };
  std::vector<Index> first((std::size_t{1} << bits) + 1, 0);
  for_each(0, n, run, [&](Index i) { ++first[bin(i) + 1]; });
  std::partial_sum(first.begin(), first.end(), first.begin());
  std::vector<Index> next(first.begin(), first.end() - 1);
  std::vector<Place> places(at(n));
  for_each(0, n, run, [&](Index i) { places[at(next[bin(i)]++)] = {hash[at(i)], static_cast<std::int32_t>(i)}; });
  HashOrder order{std::vector<std::int32_t>(at(n)), std::vector<std::uint8_t>(at(n))};
  const Blocks bins{Index{1} << bits, 64};
  for_blocks(bins, run, 40.0 * static_cast<double>(n), [&](Index block, int) {
    const Index begin = first[at(bins.begin(block))];
    const Index end = first[at(bins.end(block))];
    for (Index b = bins.begin(block); b < bins.end(block); ++b)
      std::sort(places.begin() + first[at(b)], places.begin() + first[at(b + 1)], [](const Place& a, const Place& c) {
        return a.hash < c.hash || (a.hash == c.hash && a.sample < c.sample);
      });
    std::optional<std::uint64_t> last;
    for (Index i = begin; i < end; ++i) {
      const Place& place = places[at(i)];
      order.samples[at(i)] = place.sample;
      if (last == place.hash || !(weight[place.sample] > 0)) continue;
      order.fresh[at(place.sample)] = 1;
      last = place.hash;
    }
  });
  return order;
}

// origin + sum / weight, at unit length when `spherical`; out stays where that has no direction.
template <class T>
void mean_of_totals(const Totals& totals, const T* origin, bool spherical, T* out) {
  const auto sum = totals.sum();
  double scale = 1;
  if (spherical) {
    double sq = 0;
    for (std::size_t p = 0; p < sum.size(); ++p) {
      const double value = static_cast<double>(origin[p]) + sum[p] / totals.weight();
      sq += value * value;
    }
    if (!(sq > 0)) return;
    scale = 1 / std::sqrt(sq);
  }
  for (std::size_t p = 0; p < sum.size(); ++p)
    out[p] = static_cast<T>((static_cast<double>(origin[p]) + sum[p] / totals.weight()) * scale);
}

// What one 2-means found.
template <class T>
struct Halves {
  std::vector<T> centers;  // left, then right
  std::array<double, 2> inertia;

  double total() const { return inertia[0] + inertia[1]; }
};

template <class T>
class Bisecting {
 public:
  Bisecting(const Rows<T>& x, Weights<T> weight, const BisectingOptions& options, const TwoCenters<T>& start, Run& run)
      : x_(x),
        weight_(weight),
        options_(options),
        start_(start),
        run_(run),
        d_(x.n_features),
        zeros_(x.sparse() ? at(d_) : 0, T{0}),
        order_(order_by_hash(x, weight, run)),
        sides_(make_sides(x, weight, std::move(order_.samples), run)) {}

  BisectingResult<T> fit() {
    plant();
    const auto wanted = at(options_.n_clusters);
    while (leaves_.size() < wanted) {
      const auto leaf = next_leaf();
      if (!leaf) break;
      if (!split(*leaf)) leaves_[*leaf].whole = true;
      run_.progress("bisections", static_cast<double>(leaves_.size()), static_cast<double>(wanted));
    }
    BisectingResult<T> result;
    result.n_found = static_cast<Index>(leaves_.size());
    // No leaf has two distinct samples: the clusters that are missing stand, empty, on the last one's centre.
    while (leaves_.size() < wanted) {
      const Leaf last = leaves_.back();
      std::vector<T> twice(center(last.node), center(last.node) + d_);
      twice.insert(twice.end(), center(last.node), center(last.node) + d_);
      grow(leaves_.size() - 1, twice, last.end, {0, 0}, {0, 0});
    }
    const auto order = sides_->order();
    result.labels.resize(order.size());
    for (std::size_t l = 0; l < leaves_.size(); ++l) {
      const Leaf& leaf = leaves_[l];
      for (Index m = leaf.begin; m < leaf.end; ++m) result.labels[at(order[at(m)])] = static_cast<std::int32_t>(l);
      result.centers.insert(result.centers.end(), center(leaf.node), center(leaf.node) + d_);
    }
    const Points<const T> centers{result.centers.data(), options_.n_clusters, d_};
    result.inertia = inertia(x_, weight_, centers, std::span<const std::int32_t>(result.labels), run_);
    result.tree = std::move(tree_);
    return result;
  }

 private:
  // Leaves from left to right; the members of one are sides_->order()[begin .. end).
  struct Leaf {
    Index begin, end;
    std::int32_t node;
    double score;
    bool whole;  // cannot be split
  };

  const T* center(std::int32_t node) const { return tree_.centers.data() + node * d_; }
  /// Where the samples of a node are measured from: sparse rows stay where they are.
  const T* origin(std::int32_t node) const { return x_.sparse() ? zeros_.data() : center(node); }
  std::span<const std::int32_t> members(const Leaf& leaf) const {
    return sides_->order().subspan(at(leaf.begin), at(leaf.end - leaf.begin));
  }

  // The root: all samples, measured from the mean of the first of them. A single cluster has its own mean as centre.
  void plant() {
    tree_.child.assign(1, -1);
    tree_.centers.resize(at(d_));
    leaves_.push_back({0, x_.n_samples, 0, 0.0, false});
    Index heavy = 0;
    while (!(weight_[sides_->order()[at(heavy)]] > 0)) ++heavy;
    x_.copy(sides_->order()[at(heavy)], tree_.centers.data());
    constexpr Index enough = 1024;
    const bool single = options_.n_clusters == 1;
    const Index begin = single ? 0 : heavy;
    const Index end = single ? x_.n_samples : std::min(begin + enough, x_.n_samples);
    const std::vector<T> origin = x_.sparse() ? zeros_ : tree_.centers;
    sides_->load(begin, end, origin.data(), run_);
    mean_of_totals(sides_->all(), origin.data(), options_.spherical, tree_.centers.data());
  }

  // The leaf with the largest score, the leftmost of equals, of those that may have two distinct members.
  std::optional<std::size_t> next_leaf() {
    while (true) {
      std::optional<std::size_t> best;
      for (std::size_t l = 0; l < leaves_.size(); ++l)
        if (!leaves_[l].whole && (!best || leaves_[l].score > leaves_[*best].score)) best = l;
      if (!best || !all_equal(leaves_[*best])) return best;
      leaves_[*best].whole = true;
    }
  }

  // Distinct members of positive weight, at most `enough`; and where the next one stands, or the end.
  struct Distinct {
    Index count, end;
  };
  Distinct distinct(const Leaf& leaf, Index enough) const {
    Index count = 0;
    Index m = leaf.begin;
    for (; m < leaf.end; ++m)
      if (order_.fresh[at(sides_->order()[at(m)])] && ++count > enough) return {enough, m};
    return {count, m};
  }
  bool all_equal(const Leaf& leaf) const { return distinct(leaf, 2).count < 2; }

  bool split(std::size_t l) {
    const Leaf leaf = leaves_[l];
    const std::vector<std::vector<T>> starts = refined_starts(leaf);
    sides_->load(leaf.begin, leaf.end, origin(leaf.node), run_);
    const double tol = options_.tol * variance();
    std::optional<Halves<T>> best;
    for (Index restart = 0; restart < options_.n_init; ++restart) {
      Halves<T> found;
      if (!starts.empty()) found.centers = starts[at(restart)];
      if (!begin(leaf, restart, found.centers)) continue;
      two_means(leaf.node, tol, found);
      found.inertia = sides_->inertia(found.centers.data(), found.centers.data() + d_, run_);
      // Two restarts that end alike but for rounding are equal: the earlier one stays.
      if (!best || found.total() < best->total() * (1 - 1e-6)) best = std::move(found);
    }
    if (!best) return false;
    if (options_.n_init > 1) sides_->decide(cut(leaf.node, best->centers), run_);
    const Index middle = leaf.begin + sides_->partition(run_);
    const double right = sides_->right().weight();
    grow(l, best->centers, middle, best->inertia, {sides_->all().weight() - right, right});
    return true;
  }

  // For every restart, centres that 2-means found for growing parts of a large leaf: from there few steps over all of
  // its members are left. Members stand in the order of hashes, so the first are as good as drawn. Distinct ones are
  // counted, and copies of a row are in a part together. None when the leaf is small.
  std::vector<std::vector<T>> refined_starts(const Leaf& leaf) {
    std::vector<std::vector<T>> starts;
    if (start_ || leaf.end - leaf.begin < part_growth * least_part) return starts;
    const Index n = distinct(leaf, x_.n_samples).count;
    Index share = 1;
    while (n / (share * part_growth) >= least_part) share *= part_growth;
    for (; share > 1; share /= part_growth) {
      sides_->load(leaf.begin, distinct(leaf, n / share).end, origin(leaf.node), run_);
      const double tol = options_.tol * variance();
      starts.resize(at(options_.n_init));
      for (Index restart = 0; restart < options_.n_init; ++restart) {
        Halves<T> found;
        found.centers.swap(starts[at(restart)]);
        if (!begin(leaf, restart, found.centers)) continue;
        two_means(leaf.node, tol, found);
        starts[at(restart)] = std::move(found.centers);
      }
    }
    return starts;
  }

  // Leaf l becomes a node with two leaves on these centres, its members up to `middle` in the left one.
  void grow(std::size_t l, const std::vector<T>& centers, Index middle, std::array<double, 2> inertia,
            std::array<double, 2> weight) {
    const Leaf leaf = leaves_[l];
    const auto& score = options_.by_inertia ? inertia : weight;
    const auto left = static_cast<std::int32_t>(tree_.child.size());
    tree_.child[at(leaf.node)] = left;
    tree_.child.insert(tree_.child.end(), 2, -1);
    tree_.centers.insert(tree_.centers.end(), centers.begin(), centers.end());
    leaves_[l] = {leaf.begin, middle, left, score[0], false};
    leaves_.insert(leaves_.begin() + static_cast<Index>(l) + 1, {middle, leaf.end, left + 1, score[1], false});
  }

  Cut<T> cut(std::int32_t node, const std::vector<T>& centers) const {
    return Cut<T>(origin(node), centers.data(), centers.data() + d_, d_);
  }

  // Of the loaded members, averaged over features.
  double variance() const {
    const Totals& all = sides_->all();
    double spread = all.sq_norms() / all.weight();
    for (double sum : all.sum()) spread -= sum / all.weight() * (sum / all.weight());
    return std::max(spread, 0.0) / static_cast<double>(d_);
  }

  // Lloyd's algorithm on the loaded members, parted by the centres that `found` has.
  void two_means(std::int32_t node, double tol, Halves<T>& found) {
    std::vector<T> next(at(2 * d_));
    // Moves the centres to the means of their sides and the members to the sides of these. A state is a pair of
    // centres and the sides they make: where rounding would leave a side empty, the state before stays.
    const auto move = [&](const std::array<Totals, 2>& totals, Index& changed, double& shift) {
      next = found.centers;
      for (std::size_t s : {0, 1})
        mean_of_totals(totals[s], sides_->origin(), options_.spherical, next.data() + s * at(d_));
      shift = 0;
      for (std::size_t p = 0; p < next.size(); ++p) {
        const double by = static_cast<double>(next[p]) - static_cast<double>(found.centers[p]);
        shift += by * by;
      }
      if (next == found.centers) return true;
      changed = sides_->decide(cut(node, next), run_);
      if (!sides_->both()) {
        sides_->decide(cut(node, found.centers), run_);
        return false;
      }
      std::swap(found.centers, next);
      return true;
    };
    bool ended = false;
    for (Index iter = 1; iter < options_.max_iter && !ended; ++iter) {
      const Totals& right = sides_->right();
      Totals left = sides_->all();
      left.add(right, -1);
      Index changed = 0;
      double shift = 0;
      const bool exact = left.weight() > 0 && right.weight() > 0;  // else rounding has eaten the lighter side
      const bool moved = move(exact ? std::array<Totals, 2>{left, right} : sides_->sums(run_), changed, shift);
      ended = !moved || changed == 0 || shift <= tol;
    }
    // The last step adds up the sums anew, without the rounding of those who came and went.
    Index changed = 0;
    double shift = 0;
    move(sides_->sums(run_), changed, shift);
  }

  bool parted_by(std::int32_t node, const std::vector<T>& centers) {
    sides_->clear();
    sides_->decide(cut(node, centers), run_);
    return sides_->both();
  }

  // Starting centres that part the loaded members, and the members parted by them: those given, if they do.
  bool begin(const Leaf& leaf, Index restart, std::vector<T>& centers) {
    if (!centers.empty() && parted_by(leaf.node, centers)) return true;
    centers.resize(at(2 * d_));
    Stream stream(options_.seed, static_cast<std::uint64_t>(leaf.node) << 32 | static_cast<std::uint64_t>(restart));
    if (start_) {
      std::vector<std::int32_t> sorted(members(leaf).begin(), members(leaf).end());
      std::sort(sorted.begin(), sorted.end());
      start_(sorted, centers.data());
      if (parted_by(leaf.node, centers)) return true;
    }
    // Rows that lie closer together than their distance to the origin resolves share a side: others may not.
    for (int attempt = 0; attempt < 8; ++attempt) {
      const Index first = draw(stream.uniform(), {0, 0});
      Index second = options_.plusplus && attempt == 0 ? draw_far(first, stream) : -1;
      if (second < 0) second = draw(stream.uniform(), same_rows(first));
      if (second < 0) return false;
      x_.copy(row(first), centers.data());
      x_.copy(row(second), centers.data() + d_);
      if (parted_by(leaf.node, centers)) return true;
    }
    return false;
  }

  // Members are counted in the order of the leaf that is loaded.
  Index row(Index member) const { return sides_->row(member); }

  // The members equal to this one: [first, last).
  std::pair<Index, Index> same_rows(Index member) const {
    const std::uint64_t hash = x_.hash(row(member));
    Index first = member;
    Index last = member + 1;
    while (first > 0 && x_.hash(row(first - 1)) == hash) --first;
    while (last < sides_->size() && x_.hash(row(last)) == hash) ++last;
    return {first, last};
  }

  // The member outside `skip` where the running sum of weights first exceeds u of the total; -1 when none has weight.
  Index draw(double u, std::pair<Index, Index> skip) {
    const auto [from, to] = skip;
    const Index n = sides_->size();
    if (!weight_) {
      const Index left = n - (to - from);
      if (left == 0) return -1;
      const auto place = static_cast<Index>(u * static_cast<double>(left));
      return place < from ? place : place + (to - from);
    }
    return draw_by(u, [&](Index m) { return m >= from && m < to ? 0.0 : sides_->weight(m); });
  }

  template <class Mass>
  Index draw_by(double u, const Mass& mass) {
    const Index n = sides_->size();
    double total = 0;
    for_each(0, n, run_, [&](Index m) { total += mass(m); });
    if (!(total > 0)) return -1;
    const double target = u * total;
    double sum = 0;
    Index found = -1;
    bool exceeded = false;
    for_each(0, n, run_, [&](Index m) {
      const double own = mass(m);
      sum += own;
      if (exceeded || !(own > 0)) return;
      found = m;  // rounding that keeps the sum from the target leaves the last with mass
      exceeded = sum > target;
    });
    return found;
  }

  // The second centre of greedy k-means++: of two members drawn by weight times squared distance to the first the one
  // that lowers the sum of these most, the earlier of equals; -1 when all are at distance 0.
  Index draw_far(Index first, Stream& stream) {
    const std::vector<T> near = sides_->sq_distances(row(first), run_);
    Index best = -1;
    double most = -1;
    for (int t = 0; t < 2; ++t) {
      const Index drawn =
          draw_by(stream.uniform(), [&](Index m) { return sides_->weight(m) * static_cast<double>(near[at(m)]); });
      if (drawn < 0) return -1;
      const std::vector<T> nearer = sides_->sq_distances(row(drawn), run_);
      double gain = 0;
      for_each(0, sides_->size(), run_, [&](Index m) {
        gain +=
            sides_->weight(m) * std::max(0.0, static_cast<double>(near[at(m)]) - static_cast<double>(nearer[at(m)]));
      });
      if (gain > most) {
        most = gain;
        best = drawn;
      }
    }
    return best;
  }

  Rows<T> x_;
  Weights<T> weight_;
  BisectingOptions options_;
  const TwoCenters<T>& start_;
  Run& run_;
  Index d_;
  std::vector<T> zeros_;
  HashOrder order_;  // its samples are handed on
  std::unique_ptr<Sides<T>> sides_;
  BisectingTree<T> tree_;
  std::vector<Leaf> leaves_;
};

}  // namespace

template <class T>
BisectingResult<T> bisecting_fit(const Rows<T>& x, Weights<T> weight, const BisectingOptions& options,
                                 const TwoCenters<T>& start, Run& run) {
  return Bisecting<T>(x, weight, options, start, run).fit();
}

template <class T>
void bisecting_assign(const Rows<T>& x, std::span<const std::int32_t> child, Points<const T> centers,
                      std::span<std::int32_t> labels, Run& run) {
  const Index d = x.n_features;
  const std::vector<T> zeros(x.sparse() ? at(d) : 0, T{0});
  const auto origin = [&](std::int32_t node) { return x.sparse() ? zeros.data() : centers.row(node); };
  std::vector<Cut<T>> cuts(child.size());
  std::vector<std::int32_t> label_of(child.size());
  std::int32_t n_leaves = 0;
  std::vector<std::int32_t> left_to_right{0};
  while (!left_to_right.empty()) {
    const std::int32_t node = left_to_right.back();
    left_to_right.pop_back();
    const std::int32_t left = child[at(node)];
    if (left < 0) {
      label_of[at(node)] = n_leaves++;
      continue;
    }
    cuts[at(node)] = Cut<T>(origin(node), centers.row(left), centers.row(left + 1), d);
    left_to_right.push_back(left + 1);
    left_to_right.push_back(left);
  }

  // Long blocks, so that the nodes of a large tree still see many samples at once.
  const Index length = std::clamp<Index>(16 * n_leaves, 1024, 16384);
  const Blocks blocks = parallel::blocks_at_most(x.n_samples, x.n_samples / length, length);
  struct Part {
    std::int32_t node;
    Index begin, end;
  };
  const double depth = std::log2(static_cast<double>(n_leaves) + 1);
  for_blocks(blocks, run, 0.5 * x.size() * depth, [&](Index b, int) {
    Decider<T> decide(x);
    std::vector<std::int32_t> list(at(blocks.end(b) - blocks.begin(b)));
    std::iota(list.begin(), list.end(), static_cast<std::int32_t>(blocks.begin(b)));
    std::vector<std::int32_t> rights(list.size());
    std::vector<std::uint8_t> side(list.size() + 64);
    std::vector<Part> open{{0, 0, static_cast<Index>(list.size())}};
    while (!open.empty()) {
      const Part part = open.back();
      open.pop_back();
      const std::int32_t left = child[at(part.node)];
      if (left < 0) {
        for (Index m = part.begin; m < part.end; ++m) labels[at(list[at(m)])] = label_of[at(part.node)];
        continue;
      }
      const auto here = std::span(list).subspan(at(part.begin), at(part.end - part.begin));
      decide(here, origin(part.node), cuts[at(part.node)], side.data());
      std::size_t n_left = 0;
      std::size_t n_right = 0;
      for (std::size_t m = 0; m < here.size(); ++m) {
        const std::int32_t i = here[m];
        if (side[m])
          rights[n_right++] = i;
        else
          here[n_left++] = i;
      }
      std::copy_n(rights.begin(), n_right, here.begin() + static_cast<Index>(n_left));
      const Index middle = part.begin + static_cast<Index>(n_left);
      if (n_right) open.push_back({left + 1, middle, part.end});
      if (n_left) open.push_back({left, part.begin, middle});
    }
  });
}

#define SHOAL_INSTANTIATE(T)                                                                                           \
  template BisectingResult<T> bisecting_fit(const Rows<T>&, Weights<T>, const BisectingOptions&, const TwoCenters<T>&, \
                                            Run&);                                                                     \
  template void bisecting_assign(const Rows<T>&, std::span<const std::int32_t>, Points<const T>,                       \
                                 std::span<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
