#include "metrics/silhouette.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "distance/tile.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::metrics {
namespace {

using distance::Form;
using distance::form_of;
using distance::Metric;
using distance::PackedRows;
using distance::tile;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// own: the sum of distances to the own cluster; nearest: the mean distance to the nearest other one; rest: the weight
// of the own cluster without the sample.
double silhouette_of(double own, double rest, double nearest) {
  if (!(rest > 0)) return 0.0;
  const double a = own / rest;
  const double larger = std::max(a, nearest);
  return larger > 0 ? (nearest - a) / larger : 0.0;
}

template <class T>
double rest_of(double cluster_weight, T weight) {
  return cluster_weight - std::min(static_cast<double>(weight), 1.0);
}

template <class T>
std::vector<double> weight_of_clusters(Weights<T> weight, const Labels& labels) {
  std::vector<double> total(static_cast<std::size_t>(labels.n_clusters));
  for (std::size_t i = 0; i < labels.cluster.size(); ++i)
    if (const std::int32_t c = labels.cluster[i]; c >= 0)
      total[static_cast<std::size_t>(c)] += static_cast<double>(weight[static_cast<Index>(i)]);
  return total;
}

// --- sums over all pairs ------------------------------------------------------------------------------------

/// Samples that take part, by cluster: order[begin[c] .. begin[c + 1]) are those of cluster c, ascending.
struct Sorted {
  std::vector<std::int32_t> order;
  std::vector<Index> begin;

  explicit Sorted(const Labels& labels) : begin(static_cast<std::size_t>(labels.n_clusters) + 1) {
    for (std::int32_t c : labels.cluster)
      if (c >= 0) ++begin[static_cast<std::size_t>(c) + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    order.resize(static_cast<std::size_t>(begin.back()));
    std::vector<Index> next(begin.begin(), begin.end() - 1);
    for (std::size_t i = 0; i < labels.cluster.size(); ++i)
      if (const std::int32_t c = labels.cluster[i]; c >= 0)
        order[static_cast<std::size_t>(next[static_cast<std::size_t>(c)]++)] = static_cast<std::int32_t>(i);
  }
  Index size() const { return static_cast<Index>(order.size()); }
};

/// Consecutive sorted samples of one cluster.
struct Piece {
  Index begin, end;
  std::int32_t cluster;
  Index first_group = 0, last_group = 0;  // of the packed rows
  Index size() const { return end - begin; }
};

/// What a sample has met so far while the other pieces passed by in order: all of one cluster after the other.
class Sums {
 public:
  Sums(std::size_t n_samples, const std::vector<Piece>& pieces, std::span<const double> cluster_weight)
      : own_(n_samples),
        open_(n_samples),
        nearest_(n_samples, infinity),
        open_cluster_(pieces.size(), -1),
        pieces_(pieces),
        cluster_weight_(cluster_weight) {}

  /// sums[i]: from sample i of piece `to` to the piece of `cluster` that passes by.
  void add(std::size_t to, std::int32_t cluster, const double* sums) {
    const Piece& piece = pieces_[to];
    double* into = cluster == piece.cluster ? own_.data() : open(to, cluster);
    for (Index i = piece.begin; i < piece.end; ++i) into[i] += sums[i - piece.begin];
  }
  double own(Index i) const { return own_[static_cast<std::size_t>(i)]; }
  double nearest(Index i) const { return nearest_[static_cast<std::size_t>(i)]; }
  double open_sum(Index i) const { return open_[static_cast<std::size_t>(i)]; }
  std::int32_t open_cluster(std::size_t piece) const { return open_cluster_[piece]; }

 private:
  // The sums of the cluster that passes by; one that has passed becomes a candidate for the nearest.
  double* open(std::size_t to, std::int32_t cluster) {
    std::int32_t& current = open_cluster_[to];
    if (current != cluster) {
      const Piece& piece = pieces_[to];
      for (auto i = static_cast<std::size_t>(piece.begin); i < static_cast<std::size_t>(piece.end); ++i) {
        if (current >= 0)
          nearest_[i] = std::min(nearest_[i], open_[i] / cluster_weight_[static_cast<std::size_t>(current)]);
        open_[i] = 0;
      }
      current = cluster;
    }
    return open_.data();
  }

  std::vector<double> own_, open_, nearest_;  // per sorted sample
  std::vector<std::int32_t> open_cluster_;    // per piece
  const std::vector<Piece>& pieces_;
  std::span<const double> cluster_weight_;
};

template <class T>
struct PairSums {
  Form form;
  bool root;
  Points<const T> x;
  const Labels& labels;
  const Sorted& sorted;
  std::span<const double> cluster_weight;
  AlignedVector<T> weight;  // of the sorted samples; empty when all are 1

  const T* row_weight() const { return weight.empty() ? nullptr : weight.data(); }

  void pack(Index begin, Index end, T* panels) const {
    distance::Samples<T> s = distance::samples(x);
    s.index = sorted.order.data() + begin;
    s.n = end - begin;
    tile<T>().pack(s, panels);
  }

  /// Rows in each call to the kernel: a few million steps, so that a run can stop between calls.
  Index rows_per_call(Index n_samples) const {
    const Index steps = Index{1} << 22;
    return std::max<Index>(1, steps / (n_samples * (x.n_features + 8)));
  }
};

// Samples per piece: panels of that many stay in the second-level cache, and there are enough pieces to share out.
template <class T>
Index piece_length(Index n, Index n_features) {
  if (const Index forced = parallel::forced_block_length(); forced > 0) return forced;
  const Index lanes = tile<T>().lanes;
  const Index cached = (Index{1} << 18) / (n_features * static_cast<Index>(sizeof(T)));
  const Index length = std::min({cached, n / 32, Index{32} * lanes, Index{512}});
  return std::max(lanes, length / lanes * lanes);
}

/// Clusters cut into pieces of about `length`, whole panels except for the last of a cluster.
std::vector<Piece> cut(const Sorted& sorted, Index length, Index lanes) {
  std::vector<Piece> pieces;
  for (std::size_t c = 0; c + 1 < sorted.begin.size(); ++c) {
    const Index size = sorted.begin[c + 1] - sorted.begin[c];
    if (size == 0) continue;
    const Index parts = (size + length - 1) / length;
    Index step = (size + parts - 1) / parts;
    if (parallel::forced_block_length() == 0) step = (step + lanes - 1) / lanes * lanes;
    for (Index at = sorted.begin[c]; at < sorted.begin[c + 1]; at += step)
      pieces.push_back({at, std::min(at + step, sorted.begin[c + 1]), static_cast<std::int32_t>(c)});
  }
  return pieces;
}

Index whole_panels(Index n, Index lanes) {
  return (n + lanes - 1) / lanes;
}

template <class T>
struct Scratch {
  AlignedVector<T> panels, panel_weight;
  std::vector<double> sample_sum;
};

/// Every pair of pieces once, in rounds: in round r piece p meets piece p + r (modulo their number) and both get their
/// sums. So each piece is met by the pieces after it in ascending order on one side, by those before it in descending
/// order on the other, and no two meetings of a round write to the same place. Since the pieces of a cluster are
/// neighbours, a sample has at most two clusters unfinished at a time, one on each side.
///
/// Threads share out the pieces for several rounds at once. What p finds for p + r waits in a row per round until they
/// are all through, and is then added in the order of the rounds.
template <class T>
void sum_symmetric(const PairSums<T>& all, std::vector<Piece>& pieces, std::span<double> s, Weights<T> weight,
                   Run& run) {
  constexpr Index rounds_at_once = 8;
  const auto& kernels = tile<T>();
  const Index n = all.sorted.size(), lanes = kernels.lanes, d = all.x.n_features;
  std::vector<Index> bounds{0};
  Index longest = 0;
  for (const Piece& piece : pieces) {
    bounds.push_back(piece.end);
    longest = std::max(longest, piece.size());
  }
  const PackedRows<T> rows = distance::pack_pieces<T>(all.form, all.x, all.sorted.order, bounds, run);
  Index group = 0;
  for (Piece& piece : pieces) {
    piece.first_group = group;
    while (rows.first[static_cast<std::size_t>(group)] < piece.end) ++group;
    piece.last_group = group;
  }

  const Index count = static_cast<Index>(pieces.size());
  const Index last_round = count / 2;
  // With an even number of pieces, the last round would have every pair meet twice.
  const auto meets = [&](Index p, Index round) { return round == 0 || 2 * round < count || p < count / 2; };
  const Index padded = whole_panels(longest, lanes) * lanes;
  std::vector<Scratch<T>> scratch(static_cast<std::size_t>(parallel::n_threads()));
  Sums after(all.sorted.order.size(), pieces, all.cluster_weight), before = after;
  std::vector<double> waiting(static_cast<std::size_t>(n * std::min(rounds_at_once, last_round)));
  const double pair_ns = 0.1 * static_cast<double>(d + 10);

  for (Index first = 0; first <= last_round; first += rounds_at_once) {
    const Index last = std::min(last_round, first + rounds_at_once - 1);
    const auto row_sums = [&](Index round, const Piece& piece) {
      return waiting.data() + (round - std::max<Index>(first, 1)) * n + piece.begin;
    };
    const parallel::Blocks blocks{count, 1};
    const double meetings = static_cast<double>(last - first + 1) / static_cast<double>(count);
    const double work = pair_ns * meetings * static_cast<double>(n) * static_cast<double>(n);
    parallel::for_blocks(blocks, run, work, [&](Index p, int thread) {
      Scratch<T>& own = scratch[static_cast<std::size_t>(thread)];
      own.panels.resize(static_cast<std::size_t>(padded * d));
      own.sample_sum.resize(static_cast<std::size_t>(padded));
      own.panel_weight.assign(static_cast<std::size_t>(padded), T{0});
      const Piece& here = pieces[static_cast<std::size_t>(p)];
      const Index panels = whole_panels(here.size(), lanes);
      all.pack(here.begin, here.end, own.panels.data());
      for (Index i = 0; i < here.size(); ++i)
        own.panel_weight[static_cast<std::size_t>(i)] =
            all.weight.empty() ? T{1} : all.weight[static_cast<std::size_t>(here.begin + i)];
      for (Index round = first; round <= last && meets(p, round); ++round) {
        const Piece& there = pieces[static_cast<std::size_t>((p + round) % count)];
        double* row_sum = round > 0 ? row_sums(round, there) : nullptr;
        std::fill(own.sample_sum.begin(), own.sample_sum.end(), 0.0);
        if (row_sum) std::fill_n(row_sum, there.size(), 0.0);
        kernels.sum(all.form, all.root, own.panels.data(), panels, row_sum ? own.panel_weight.data() : nullptr, rows,
                    there.first_group, there.last_group, all.row_weight(), own.sample_sum.data(), row_sum);
        after.add(static_cast<std::size_t>(p), there.cluster, own.sample_sum.data());
        if (run.stopped()) return;
        if (thread == 0) run.tick();
      }
    });
    const double additions = static_cast<double>(last - first + 1) * static_cast<double>(n);
    parallel::for_blocks(blocks, run, additions, [&](Index q, int) {
      for (Index round = std::max<Index>(first, 1); round <= last; ++round) {
        const Index p = (q - round % count + count) % count;
        if (meets(p, round))
          before.add(static_cast<std::size_t>(q), pieces[static_cast<std::size_t>(p)].cluster,
                     row_sums(round, pieces[static_cast<std::size_t>(q)]));
      }
    });
    run.progress("silhouette", static_cast<double>(std::min(last + 1, last_round)), static_cast<double>(last_round));
  }

  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const Piece& piece = pieces[p];
    const std::int32_t ahead = after.open_cluster(p), behind = before.open_cluster(p);
    const auto weight_of = [&](std::int32_t c) { return all.cluster_weight[static_cast<std::size_t>(c)]; };
    for (Index i = piece.begin; i < piece.end; ++i) {
      double nearest = std::min(after.nearest(i), before.nearest(i));
      if (ahead >= 0 && ahead == behind) {
        // the cluster opposite on the circle: part of it came from either side
        nearest = std::min(nearest, (after.open_sum(i) + before.open_sum(i)) / weight_of(ahead));
      } else {
        if (ahead >= 0) nearest = std::min(nearest, after.open_sum(i) / weight_of(ahead));
        if (behind >= 0) nearest = std::min(nearest, before.open_sum(i) / weight_of(behind));
      }
      const Index sample = all.sorted.order[static_cast<std::size_t>(i)];
      s[static_cast<std::size_t>(sample)] =
          silhouette_of(after.own(i) + before.own(i), rest_of(weight_of(piece.cluster), weight[sample]), nearest);
    }
  }
}

/// Every sample against all, cluster by cluster: panels hold samples of many clusters.
template <class T>
void sum_one_sided(const PairSums<T>& all, Index length, std::span<double> s, Weights<T> weight, Run& run) {
  const auto& kernels = tile<T>();
  const Index n = all.sorted.size(), lanes = kernels.lanes, d = all.x.n_features;
  const auto k = static_cast<std::int32_t>(all.labels.n_clusters);
  const PackedRows<T> rows = distance::pack_pieces<T>(all.form, all.x, all.sorted.order, all.sorted.begin, run);
  const parallel::Blocks blocks{n, length};
  const auto padded = static_cast<std::size_t>(whole_panels(length, lanes) * lanes);
  std::vector<Scratch<T>> scratch(static_cast<std::size_t>(parallel::n_threads()));
  std::atomic<Index> done{0};
  const double work = 0.1 * static_cast<double>(d + 10) * static_cast<double>(n) * static_cast<double>(n);
  const Index groups_per_call = std::max<Index>(1, all.rows_per_call(length) / rows.max_rows);

  parallel::for_blocks(blocks, run, work, [&](Index block, int thread) {
    const Index begin = blocks.begin(block), end = blocks.end(block);
    auto& own = scratch[static_cast<std::size_t>(thread)];
    own.panels.resize(padded * static_cast<std::size_t>(d));
    own.sample_sum.resize(padded);
    all.pack(begin, end, own.panels.data());
    const auto size = static_cast<std::size_t>(end - begin);
    std::vector<double> own_sum(size), nearest(size, infinity);
    Index group = 0;
    for (std::int32_t c = 0; c < k; ++c) {
      const Index first = all.sorted.begin[static_cast<std::size_t>(c)];
      const Index last = all.sorted.begin[static_cast<std::size_t>(c) + 1];
      if (first == last) continue;
      Index last_group = group;
      while (rows.first[static_cast<std::size_t>(last_group)] < last) ++last_group;
      std::fill(own.sample_sum.begin(), own.sample_sum.end(), 0.0);
      for (; group < last_group; group += groups_per_call) {
        kernels.sum(all.form, all.root, own.panels.data(), whole_panels(end - begin, lanes), nullptr, rows, group,
                    std::min(group + groups_per_call, last_group), all.row_weight(), own.sample_sum.data(), nullptr);
        if (run.stopped()) return;
        if (thread == 0) run.tick();
      }
      group = last_group;
      // Samples are sorted: those of this cluster are the ones at [first, last).
      const double scale = 1.0 / all.cluster_weight[static_cast<std::size_t>(c)];
      for (Index i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i - begin);
        if (i >= first && i < last)
          own_sum[at] = own.sample_sum[at];
        else
          nearest[at] = std::min(nearest[at], own.sample_sum[at] * scale);
      }
    }
    for (Index i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i - begin);
      const Index sample = all.sorted.order[static_cast<std::size_t>(i)];
      const std::int32_t c = all.labels.cluster[static_cast<std::size_t>(sample)];
      s[static_cast<std::size_t>(sample)] = silhouette_of(
          own_sum[at], rest_of(all.cluster_weight[static_cast<std::size_t>(c)], weight[sample]), nearest[at]);
    }
    const Index now = done += end - begin;
    if (thread == 0) run.progress("silhouette", static_cast<double>(now), static_cast<double>(n));
  });
  run.progress("silhouette", static_cast<double>(n), static_cast<double>(n));
}

template <class T>
void pair_silhouette(Form form, bool root, Points<const T> x, Weights<T> weight, const Labels& labels,
                     std::span<double> s, Run& run) {
  const Sorted sorted(labels);
  const std::vector<double> cluster_weight = weight_of_clusters(weight, labels);
  PairSums<T> all{form, root, x, labels, sorted, cluster_weight, {}};
  if (weight)
    for (std::int32_t i : sorted.order) all.weight.push_back(weight[i]);
  const Index length = piece_length<T>(sorted.size(), x.n_features);
  std::vector<Piece> pieces = cut(sorted, length, tile<T>().lanes);
  Index lanes = 0;
  for (const Piece& piece : pieces) lanes += whole_panels(piece.size(), tile<T>().lanes) * tile<T>().lanes;
  // Each pair once pays unless more than a third of the lanes are padding, or the pieces are so small that meeting
  // costs more than the distances.
  if (2 * lanes <= 3 * sorted.size() || parallel::forced_block_length() > 0)
    sum_symmetric(all, pieces, s, weight, run);
  else
    sum_one_sided(all, length, s, weight, run);
}

// --- distances to centres -----------------------------------------------------------------------------------

/// What stands for the mean distance to cluster c: scale[c] * v + offset[c], v being the form's value for the centre of
/// c (its square root when `root`), and 0 up to `rounding`. With `leave_out`, the own cluster's is W / (W - min(w, 1))
/// times that.
struct Rule {
  Form form;
  bool root;
  bool leave_out;
  std::vector<double> scale, offset, weight;
  double rounding = 0;
};

/// A point in the middle of the data, whatever its outliers: the (lower) median of some samples, feature by feature.
template <class T>
std::vector<T> middle(Points<const T> x, const Labels& labels) {
  std::vector<Index> some;
  const Index step = std::max<Index>(1, x.n_samples / 1024);
  for (Index i = 0; i < x.n_samples; i += step)
    if (labels.cluster[static_cast<std::size_t>(i)] >= 0) some.push_back(i);
  std::vector<T> origin(static_cast<std::size_t>(x.n_features));
  if (some.empty()) return origin;
  std::vector<T> values(some.size());
  const auto median = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  for (Index p = 0; p < x.n_features; ++p) {
    std::transform(some.begin(), some.end(), values.begin(), [&](Index i) { return x.row(i)[p]; });
    std::nth_element(values.begin(), median, values.end());
    origin[static_cast<std::size_t>(p)] = *median;
  }
  return origin;
}

/// Largest coordinate of a sample that takes part, less `origin`.
template <class T>
double extent(Points<const T> x, std::span<const T> origin, const Labels& labels, Run& run) {
  const parallel::Blocks blocks = parallel::blocks_of(x.n_samples, static_cast<std::size_t>(x.n_features) * sizeof(T));
  std::vector<double> partial(static_cast<std::size_t>(blocks.count()));
  parallel::for_blocks(blocks, run, static_cast<double>(x.size()), [&](Index block, int) {
    T largest = 0;
    for (Index i = blocks.begin(block); i < blocks.end(block); ++i) {
      if (labels.cluster[static_cast<std::size_t>(i)] < 0) continue;
      for (Index p = 0; p < x.n_features; ++p)
        largest = std::max(largest, std::abs(x.row(i)[p] - origin[static_cast<std::size_t>(p)]));
    }
    partial[static_cast<std::size_t>(block)] = static_cast<double>(largest);
  });
  return partial.empty() ? 0.0 : *std::max_element(partial.begin(), partial.end());
}

template <class T>
void center_silhouette(const Rule& rule, Points<const T> x, const T* origin, Points<const T> centers, Weights<T> weight,
                       const Labels& labels, std::span<double> s, Run& run) {
  constexpr Index chunk = 512;  // centres at a time: their distances to a block stay in cache
  const Index n = x.n_samples, d = x.n_features, k = centers.n_samples;
  std::vector<PackedRows<T>> packed;
  for (Index first = 0; first < k; first += chunk)
    packed.push_back(distance::pack_rows<T>(rule.form, centers.slice(first, std::min(k, first + chunk))));
  const parallel::Blocks blocks = parallel::blocks_of(n, static_cast<std::size_t>(d) * sizeof(T), std::size_t{1} << 15);
  const auto scratch_size = static_cast<std::size_t>(tile<T>().scratch_size(d));
  std::vector<AlignedVector<T>> scratch(static_cast<std::size_t>(parallel::n_threads()));
  const double work = 0.1 * static_cast<double>(n) * static_cast<double>(k) * static_cast<double>(d + 10);

  parallel::for_blocks(blocks, run, work, [&](Index block, int thread) {
    const Index begin = blocks.begin(block), size = blocks.end(block) - begin;
    auto& panel = scratch[static_cast<std::size_t>(thread)];
    panel.resize(scratch_size);
    std::vector<T> value(static_cast<std::size_t>(size * std::min(k, chunk)));
    std::vector<double> own(static_cast<std::size_t>(size)), nearest(static_cast<std::size_t>(size), infinity);
    for (std::size_t part = 0; part < packed.size(); ++part) {
      tile<T>().pairwise(rule.form, distance::samples(x, origin).slice(begin, begin + size), packed[part], value.data(),
                         size, panel.data());
      for (Index row = 0; row < packed[part].n_rows; ++row) {
        const auto c = static_cast<std::size_t>(static_cast<Index>(part) * chunk + row);
        for (Index i = 0; i < size; ++i) {
          const double v = static_cast<double>(value[static_cast<std::size_t>(row * size + i)]);
          const double exact = rule.scale[c] * (rule.root ? std::sqrt(v) : v) + rule.offset[c];
          const double mean = exact > rule.rounding ? exact : 0.0;
          const auto at = static_cast<std::size_t>(i);
          if (labels.cluster[static_cast<std::size_t>(begin + i)] == static_cast<std::int32_t>(c))
            own[at] = mean;
          else
            nearest[at] = std::min(nearest[at], mean);
        }
      }
      if (run.stopped()) return;
      if (thread == 0) run.tick();
    }
    for (Index i = 0; i < size; ++i) {
      const auto at = static_cast<std::size_t>(begin + i);
      const std::int32_t c = labels.cluster[at];
      if (c < 0) continue;
      const double total = rule.weight[static_cast<std::size_t>(c)];
      const double rest = rest_of(total, weight[begin + i]);
      const double mean = own[static_cast<std::size_t>(i)];
      // Without leaving out, the distance itself counts: ties with the nearest stay ties.
      s[at] = rule.leave_out ? silhouette_of(mean * total, rest, nearest[static_cast<std::size_t>(i)])
                             : silhouette_of(mean, rest > 0 ? 1.0 : 0.0, nearest[static_cast<std::size_t>(i)]);
    }
  });
  run.progress("silhouette", static_cast<double>(n), static_cast<double>(n));
}

/// Centroids less `origin`, as rows.
template <class T>
std::vector<T> rows_of(const Centroids& centroids, std::span<const T> origin) {
  std::vector<T> rows;
  for (Index c = 0; c < centroids.n_clusters(); ++c)
    for (Index p = 0; p < centroids.n_features; ++p)
      rows.push_back(
          static_cast<T>(centroids.coordinate(c, p, static_cast<double>(origin[static_cast<std::size_t>(p)]))));
  return rows;
}

/// What is left of the cosine distance of parallel rows after they were normalised.
template <class T>
double cosine_rounding() {
  const double rounding = 16.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
  return rounding * rounding / 2;
}

/// Rows scaled to unit length for cosine, and which of them have none: norm at most `smallest`.
template <class T>
struct Directions {
  std::vector<T> rows;
  std::vector<char> zero;

  Directions(Points<const T> x, double smallest, Run& run)
      : rows(x.size()), zero(static_cast<std::size_t>(x.n_samples)) {
    const Index d = x.n_features;
    const parallel::Blocks blocks = parallel::blocks_of(x.n_samples, static_cast<std::size_t>(d) * sizeof(T));
    parallel::for_blocks(blocks, run, 2.0 * static_cast<double>(x.size()), [&](Index block, int) {
      for (Index i = blocks.begin(block); i < blocks.end(block); ++i) {
        const T* row = x.row(i);
        double largest = 0, sq = 0;
        for (Index p = 0; p < d; ++p) largest = std::max(largest, std::abs(static_cast<double>(row[p])));
        if (!(largest > 0)) {
          zero[static_cast<std::size_t>(i)] = 1;
          continue;
        }
        // Relative to the largest coordinate, so that no square overflows or vanishes.
        for (Index p = 0; p < d; ++p)
          sq += (static_cast<double>(row[p]) / largest) * (static_cast<double>(row[p]) / largest);
        const double norm = std::sqrt(sq);
        zero[static_cast<std::size_t>(i)] = largest * norm <= smallest;
        if (zero[static_cast<std::size_t>(i)]) continue;
        for (Index p = 0; p < d; ++p)
          rows[static_cast<std::size_t>(i * d + p)] = static_cast<T>(static_cast<double>(row[p]) / largest / norm);
      }
    });
  }
};

/// Sums of squared distances by their closed form; `zero`, when not empty, marks the zero rows of a cosine silhouette.
template <class T>
void squared_silhouette(Points<const T> x, const std::vector<char>& zero, Weights<T> weight, const Labels& labels,
                        std::span<double> s, Run& run) {
  const bool cosine = !zero.empty();
  std::vector<std::int32_t> cluster(labels.cluster.begin(), labels.cluster.end());
  for (std::size_t i = 0; i < zero.size(); ++i)
    if (zero[i]) cluster[i] = -1;
  const Labels directed{cluster, labels.n_clusters};
  const Centroids centroids = metrics::centroids(x, weight, directed, run);
  const std::vector<double> sq_spread = spread(x, weight, directed, centroids, false, run);

  Rule rule{Form::sq_euclidean, false, true, {}, {}, weight_of_clusters(weight, labels)};
  for (std::size_t c = 0; c < rule.weight.size(); ++c) {
    // Cosine: half the squared distance, and 1 from each row of zeros.
    const double share = centroids.weight[c] / rule.weight[c];
    const double mean_sq = sq_spread[c] / rule.weight[c];
    rule.scale.push_back(cosine ? share / 2 : 1.0);
    rule.offset.push_back(cosine ? mean_sq / 2 + (1 - share) : mean_sq);
  }
  if (cosine) rule.rounding = cosine_rounding<T>();
  const std::vector<T> origin = middle(x, directed), centers = rows_of<T>(centroids, origin);
  center_silhouette<T>(rule, x, origin.data(), {centers.data(), labels.n_clusters, x.n_features}, weight, labels, s,
                       run);
  // A row of zeros is as far from its own cluster as from any other.
  for (std::size_t i = 0; i < zero.size(); ++i)
    if (zero[i] && labels.cluster[i] >= 0) s[i] = 0.0;
}

}  // namespace

template <class T>
void silhouette(Metric metric, Points<const T> x, Weights<T> weight, const Labels& labels, std::span<double> s,
                Run& run) {
  std::fill(s.begin(), s.end(), not_a_number);
  if (metric == Metric::cosine) {
    const Directions<T> directions(x, 0.0, run);
    return squared_silhouette<T>({directions.rows.data(), x.n_samples, x.n_features}, directions.zero, weight, labels,
                                 s, run);
  }
  if (metric == Metric::sq_euclidean) return squared_silhouette<T>(x, {}, weight, labels, s, run);
  pair_silhouette(form_of(metric), metric == Metric::euclidean, x, weight, labels, s, run);
}

template <class T>
void simplified_silhouette(Metric metric, Points<const T> x, Points<const T> centers, Weights<T> weight,
                           const Labels& labels, std::span<double> s, Run& run) {
  std::fill(s.begin(), s.end(), not_a_number);
  const Index k = labels.n_clusters, d = x.n_features;
  const bool cosine = metric == Metric::cosine;
  std::vector<T> own_rows, own_centers;
  std::vector<char> zero;
  if (cosine) {
    Directions<T> directions(x, 0.0, run);
    own_rows = std::move(directions.rows);
    zero = std::move(directions.zero);
    x.data = own_rows.data();
  }
  // Differences are taken from a common origin, so that a large offset of the data costs no digits. Directions are
  // short of one anyway.
  const std::vector<T> origin = cosine ? std::vector<T>(static_cast<std::size_t>(d)) : middle(x, labels);
  if (centers.n_samples == 0) {
    own_centers = rows_of<T>(centroids(x, weight, labels, run), origin);
  } else {
    own_centers.assign(centers.data, centers.data + centers.size());
    for (std::size_t v = 0; v < own_centers.size(); ++v) own_centers[v] -= origin[v % static_cast<std::size_t>(d)];
  }
  Rule rule{form_of(metric), metric == Metric::euclidean, false, {}, {}, weight_of_clusters(weight, labels)};
  rule.scale.assign(static_cast<std::size_t>(k), cosine ? 0.5 : 1.0);
  rule.offset.assign(static_cast<std::size_t>(k), 0.0);
  if (cosine) {
    // The mean of directions that cancel is rounding, not a direction.
    const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
    const double smallest = centers.n_samples == 0 ? 16.0 * epsilon : 0.0;
    Directions<T> directions({own_centers.data(), k, d}, smallest, run);
    own_centers = std::move(directions.rows);
    for (std::size_t c = 0; c < directions.zero.size(); ++c) {
      if (!directions.zero[c]) continue;
      rule.scale[c] = 0.0;  // a centre without direction is at distance 1 from everything
      rule.offset[c] = 1.0;
    }
    rule.rounding = cosine_rounding<T>();
  } else {
    const double distance =
        16.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * extent<T>(x, origin, labels, run);
    rule.rounding = metric == Metric::sq_euclidean ? distance * distance : distance;
  }
  center_silhouette<T>(rule, x, origin.data(), {own_centers.data(), k, d}, weight, labels, s, run);
  for (std::size_t i = 0; i < zero.size(); ++i)
    if (zero[i] && labels.cluster[i] >= 0) s[i] = 0.0;
}

template <class T>
void matrix_silhouette(Points<const T> distances, Weights<T> weight, const Labels& labels, std::span<double> s,
                       Run& run) {
  std::fill(s.begin(), s.end(), not_a_number);
  constexpr Index at_once = 4;  // rows, so that one sum does not wait for the one before
  const Index n = distances.n_samples;
  const auto k = static_cast<std::size_t>(labels.n_clusters);
  const std::vector<double> cluster_weight = weight_of_clusters(weight, labels);
  const parallel::Blocks blocks =
      parallel::blocks_of(n, static_cast<std::size_t>(n) * sizeof(T), std::size_t{1} << 20, at_once);
  std::vector<std::vector<double>> scratch(static_cast<std::size_t>(parallel::n_threads()));
  std::atomic<Index> done{0};
  const double work = static_cast<double>(n) * static_cast<double>(n);
  parallel::for_blocks(blocks, run, work, [&](Index block, int thread) {
    auto& sums = scratch[static_cast<std::size_t>(thread)];
    for (Index first = blocks.begin(block); first < blocks.end(block); first += at_once) {
      const Index rows = std::min(at_once, blocks.end(block) - first);
      // Slot 0 collects what takes no part; a block's last rows are repeated to make up the number.
      sums.assign((k + 1) * at_once, 0.0);
      const T* row[at_once];
      for (Index r = 0; r < at_once; ++r) row[r] = distances.row(first + std::min(r, rows - 1));
      const auto add_columns = [&](auto&& weight_of) {
        for (Index j = 0; j < n; ++j) {
          double* to =
              sums.data() + static_cast<std::size_t>(labels.cluster[static_cast<std::size_t>(j)] + 1) * at_once;
          for (Index r = 0; r < at_once; ++r) to[r] += weight_of(j) * static_cast<double>(row[r][j]);
        }
      };
      if (weight)
        add_columns([&](Index j) { return static_cast<double>(weight.data[j]); });
      else
        add_columns([](Index) { return 1.0; });
      for (Index r = 0; r < rows; ++r) {
        const auto i = static_cast<std::size_t>(first + r);
        if (labels.cluster[i] < 0) continue;
        const auto own = static_cast<std::size_t>(labels.cluster[i]);
        double nearest = infinity;
        for (std::size_t c = 0; c < k; ++c)
          if (c != own)
            nearest = std::min(nearest, sums[(c + 1) * at_once + static_cast<std::size_t>(r)] / cluster_weight[c]);
        s[i] = silhouette_of(sums[(own + 1) * at_once + static_cast<std::size_t>(r)],
                             rest_of(cluster_weight[own], weight[first + r]), nearest);
      }
      if (run.stopped()) return;
      if (thread == 0) run.tick();
    }
    const Index now = done += blocks.end(block) - blocks.begin(block);
    if (thread == 0) run.progress("silhouette", static_cast<double>(now), static_cast<double>(n));
  });
  run.progress("silhouette", static_cast<double>(n), static_cast<double>(n));
}

#define SHOAL_INSTANTIATE(T)                                                                               \
  template void silhouette(Metric, Points<const T>, Weights<T>, const Labels&, std::span<double>, Run&);   \
  template void simplified_silhouette(Metric, Points<const T>, Points<const T>, Weights<T>, const Labels&, \
                                      std::span<double>, Run&);                                            \
  template void matrix_silhouette(Points<const T>, Weights<T>, const Labels&, std::span<double>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::metrics
