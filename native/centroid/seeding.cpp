#include "centroid/seeding.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "centroid/assignment.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;
using random::Stream;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Draws samples with probability proportional to mass[i], walking them by the hash of their rows. The hash's upper
// bits cut the walk into bins whose sums are kept; the samples of a bin are sorted when it is first drawn from.
template <class T>
class Walk {
 public:
  Walk(const Rows<T>& x, Run& run) : hash_(at(x.n_samples)), place_(at(x.n_samples)) {
    const Index n = x.n_samples;
    bits_ = std::clamp(static_cast<int>(std::bit_width(at(n))) - 9, 1, 11);
    const Blocks blocks = parallel::blocks_of(n, x.row_bytes());
    for_blocks(blocks, run, 2 * x.size(), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) hash_[at(i)] = x.hash(i);
    });
    start_.assign(at(n_bins() + 1), 0);
    for (Index i = 0; i < n; ++i) ++start_[at(bin(i) + 1)];
    std::partial_sum(start_.begin(), start_.end(), start_.begin());
    std::vector<Index> next(start_.begin(), start_.end() - 1);
    for (Index i = 0; i < n; ++i) place_[at(next[at(bin(i))]++)] = static_cast<std::int32_t>(i);
    sorted_.assign(at(n_bins()), 0);
  }

  Index n_bins() const { return Index{1} << bits_; }
  Index bin(Index i) const { return static_cast<Index>(hash_[at(i)] >> (64 - bits_)); }

  /// Sums of mass(i) over the bins.
  template <class Mass>
  std::vector<double> sums(const Mass& mass, Run& run) const {
    std::vector<double> out(at(n_bins()));
    for_blocks(Blocks{n_bins(), 16}, run, 4.0 * static_cast<double>(place_.size()), [&](Index block, int) {
      for (Index b = block * 16; b < std::min(n_bins(), (block + 1) * 16); ++b) out[at(b)] = sum_of(b, mass);
    });
    return out;
  }
  template <class Mass>
  double sum_of(Index b, const Mass& mass) const {
    double sum = 0;
    for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p) sum += mass(place_[at(p)]);
    return sum;
  }

  /// The sample where the running sum of mass first exceeds u times the total, u in [0, 1); `sums` are the sums of
  /// the bins, up to rounding. A sample without mass is never drawn; -1 when none has mass.
  template <class Mass>
  Index draw(double u, const std::vector<double>& sums, const Mass& mass) {
    double total = 0;
    for (double sum : sums) total += std::max(sum, 0.0);
    double left = u * total;
    for (Index b = 0; b < n_bins(); ++b) {
      const double sum = std::max(sums[at(b)], 0.0);
      if (left >= sum) {
        left -= sum;
        continue;
      }
      sort(b);
      for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p) {
        const double own = mass(place_[at(p)]);
        left -= own;
        if (own > 0 && left < 0) return place_[at(p)];
      }
      left = std::max(left, 0.0);  // the bin held less than its sum said: on to the next with mass
    }
    for (Index b = n_bins(); b-- > 0;) {  // rounding went past the end: the last with mass
      sort(b);
      for (Index p = start_[at(b + 1)]; p-- > start_[at(b)];)
        if (mass(place_[at(p)]) > 0) return place_[at(p)];
    }
    return -1;
  }

  /// Calls body(i) for the samples with the hash of `sample`.
  template <class Body>
  void for_same(Index sample, Body&& body) const {
    const Index b = bin(sample);
    for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p)
      if (hash_[at(place_[at(p)])] == hash_[at(sample)]) body(static_cast<Index>(place_[at(p)]));
  }

 private:
  void sort(Index b) {
    if (sorted_[at(b)]) return;
    sorted_[at(b)] = 1;
    std::sort(place_.begin() + start_[at(b)], place_.begin() + start_[at(b + 1)], [&](std::int32_t i, std::int32_t j) {
      return hash_[at(i)] < hash_[at(j)] || (hash_[at(i)] == hash_[at(j)] && i < j);
    });
  }
  std::vector<std::uint64_t> hash_;
  std::vector<std::int32_t> place_;  // samples, bin after bin
  std::vector<Index> start_;
  std::vector<std::uint8_t> sorted_;
  int bits_ = 1;
};

// Squared distances from samples to a few candidates, out[c * stride + s].
template <class T>
class CandidateDistances {
 public:
  CandidateDistances(const Rows<T>& x, Index n_candidates)
      : x_(x), rows_(at(n_candidates * x.n_features)), scratch_(at(parallel::n_threads())) {}

  /// Precondition: no more candidates than announced.
  void prepare(std::span<const Index> candidates) {
    n_ = static_cast<Index>(candidates.size());
    norms_.resize(candidates.size());
    for (Index c = 0; c < n_; ++c) {
      x_.copy(candidates[at(c)], rows_.data() + c * x_.n_features);
      norms_[at(c)] = x_.sq_norm(candidates[at(c)]);
    }
    narrow_ = !x_.sparse() && x_.n_features < 2 * distance::tile<T>().lanes;
    if (!narrow_) return;
    packed_ = distance::pack_rows<T>(distance::Form::sq_euclidean, points());
    for (auto& own : scratch_) own.resize(at(distance::tile<T>().scratch_size(x_.n_features)));
  }

  Points<const T> points() const { return {rows_.data(), n_, x_.n_features}; }

  /// Samples `index[0..n)`, or first .. first + n when index is null.
  void operator()(Index first, Index n, const std::int32_t* index, T* out, Index stride, int thread) {
    if (x_.sparse()) {
      for (Index s = 0; s < n; ++s)
        for (Index c = 0; c < n_; ++c)
          out[c * stride + s] =
              x_.sq_dist(index ? index[s] : first + s, rows_.data() + c * x_.n_features, norms_[at(c)]);
      return;
    }
    distance::Samples<T> s = distance::samples(x_.dense);
    s.index = index;
    s = index ? s.slice(0, n) : s.slice(first, first + n);
    if (narrow_)
      distance::tile<T>().pairwise(distance::Form::sq_euclidean, s, packed_, out, stride, scratch_[at(thread)].data());
    else
      kernels<T>().candidate_distances(s, rows_.data(), n_, out, stride);
  }

 private:
  Rows<T> x_;
  Index n_ = 0;
  bool narrow_ = false;
  std::vector<T> rows_;
  std::vector<double> norms_;
  distance::PackedRows<T> packed_;
  std::vector<AlignedVector<T>> scratch_;
};

// The state of a k-means++ start: for every sample the squared distance to its nearest centre so far.
template <class T>
class PlusPlus {
 public:
  PlusPlus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws, Stream stream, Run& run)
      : x_(x),
        weight_(weight),
        n_draws_(n_draws),
        stream_(stream),
        run_(run),
        walk_(x, run),
        chunks_(parallel::blocks_at_most(x.n_samples, 64, 2048)),
        block_(assign_block_length(x)),
        nearest_(at(x.n_samples), std::numeric_limits<T>::max()),
        center_(at(x.n_samples), 0),
        nearer_(at(x.n_samples), 0),
        distances_(x, n_draws),
        to_centers_(at(n_clusters * n_draws)),
        centers_(at(n_clusters * x.n_features)) {
    for (Index i = 0; i < x.n_samples; ++i)
      if (!(weight_[i] > 0)) nearest_[at(i)] = 0;
  }

  std::vector<Index> run(Index n_clusters) {
    std::vector<Index> chosen;
    const auto by_weight = [&](Index i) { return static_cast<double>(weight_[i]); };
    const std::vector<double> weight_sums = walk_.sums(by_weight, run_);
    std::vector<Index> draws{walk_.draw(stream_.uniform(), weight_sums, by_weight)};
    while (true) {
      add_best(draws, chosen);
      run_.progress("k-means++", static_cast<double>(chosen.size()), static_cast<double>(n_clusters));
      if (static_cast<Index>(chosen.size()) == n_clusters) return chosen;
      draws.clear();
      for (Index t = 0; t < n_draws_; ++t) {
        const double u = stream_.uniform();
        Index i = walk_.draw(u, sums_, [&](Index s) { return mass(s); });
        // No distinct sample is left: any will do.
        if (i < 0) i = walk_.draw(u, weight_sums, by_weight);
        draws.push_back(i);
      }
    }
  }

 private:
  double mass(Index i) const { return static_cast<double>(weight_[i]) * static_cast<double>(nearest_[at(i)]); }

  // Adds the draw that lowers the sum of masses most, the earliest of equals.
  void add_best(std::span<const Index> draws, std::vector<Index>& chosen) {
    const auto n_chosen = static_cast<Index>(chosen.size());
    const auto n_draws = static_cast<Index>(draws.size());
    distances_.prepare(draws);
    const std::vector<T> reach = reach_of_draws(n_chosen, n_draws);
    std::vector<double> gains(at(chunks_.count() * n_draws), 0.0);
    for_blocks(chunks_, run_, work(n_draws), [&](Index c, int thread) {
      find_nearer(c, thread, n_draws, n_chosen ? reach.data() : nullptr, gains.data() + c * n_draws);
    });
    std::vector<double> gain(at(n_draws), 0.0);
    for (Index c = 0; c < chunks_.count(); ++c)
      for (Index t = 0; t < n_draws; ++t) gain[at(t)] += gains[at(c * n_draws + t)];
    const Index best = std::max_element(gain.begin(), gain.end()) - gain.begin();

    const Index row = draws[at(best)];
    x_.copy(row, centers_.data() + n_chosen * x_.n_features);
    chosen.push_back(row);
    const std::vector<Index> winner{row};
    distances_.prepare(winner);
    std::vector<std::vector<double>> change(at(chunks_.count()));
    for_blocks(chunks_, run_, work(1),
               [&](Index c, int thread) { take(c, thread, best, static_cast<std::int32_t>(n_chosen), change[at(c)]); });
    update_sums(change);
  }

  double work(Index n_draws) const { return 0.2 * x_.size() * static_cast<double>(n_draws); }

  // reach[a]: a sample of centre a whose nearest_ is no more than this is nearer to a than to any draw, for
  // |draw - centre| >= 2 |sample - centre| implies |draw - sample| >= |sample - centre|. Rounding is allowed for.
  std::vector<T> reach_of_draws(Index n_chosen, Index n_draws) {
    std::vector<T> reach(at(n_chosen), std::numeric_limits<T>::max());
    if (n_chosen == 0) return reach;
    if (x_.sparse()) return std::vector<T>(at(n_chosen), T{-1});  // their distances cancel: nothing is left out
    const T safe = T{0.25} * (1 - 8 * static_cast<T>(x_.n_features + 8) * std::numeric_limits<T>::epsilon());
    const Points<const T> centers{centers_.data(), n_chosen, x_.n_features};
    kernels<T>().candidate_distances(distance::samples(centers), distances_.points().data, n_draws, to_centers_.data(),
                                     n_chosen);
    for (Index t = 0; t < n_draws; ++t)
      for (Index a = 0; a < n_chosen; ++a)
        reach[at(a)] = std::min(reach[at(a)], to_centers_[at(t * n_chosen + a)] * safe);
    return reach;
  }

  // For one chunk: which draws are nearer to which samples, and what each draw would gain.
  void find_nearer(Index chunk, int thread, Index n_draws, const T* reach, double* gains) {
    std::vector<std::int32_t> open;
    std::vector<T> distance(at(n_draws * block_));
    for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += block_) {
      const Index end = std::min(begin + block_, chunks_.end(chunk));
      open.clear();
      for (Index i = begin; i < end; ++i) {
        nearer_[at(i)] = 0;
        if (!reach || nearest_[at(i)] > reach[center_[at(i)]]) open.push_back(static_cast<std::int32_t>(i));
      }
      const auto n_open = static_cast<Index>(open.size());
      if (n_open == 0) continue;
      const bool all = 4 * n_open > 3 * (end - begin);
      const Index n = all ? end - begin : n_open;
      distances_(begin, n, all ? nullptr : open.data(), distance.data(), block_, thread);
      for (Index s = 0; s < n; ++s) {
        const Index i = all ? begin + s : open[at(s)];
        const T now = nearest_[at(i)];
        for (Index t = 0; t < n_draws; ++t) {
          const T sq = distance[at(t * block_ + s)];
          if (!(sq < now)) continue;
          gains[t] += static_cast<double>(weight_[i]) * (static_cast<double>(now) - static_cast<double>(sq));
          nearer_[at(i)] |= static_cast<std::uint16_t>(1u << (t % 16));
        }
      }
    }
  }

  // For one chunk: gives the new centre the samples it is nearer to; what their bins lose goes to `change`.
  void take(Index chunk, int thread, Index draw, std::int32_t center, std::vector<double>& change) {
    const auto bit = static_cast<std::uint16_t>(1u << (draw % 16));
    std::vector<std::int32_t> open;
    std::vector<T> distance(at(block_));
    for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += block_) {
      const Index end = std::min(begin + block_, chunks_.end(chunk));
      open.clear();
      for (Index i = begin; i < end; ++i)
        if (nearer_[at(i)] & bit) open.push_back(static_cast<std::int32_t>(i));
      const auto n = static_cast<Index>(open.size());
      if (n == 0) continue;
      if (change.empty()) change.assign(at(walk_.n_bins()), 0.0);
      distances_(begin, n, open.data(), distance.data(), block_, thread);
      for (Index s = 0; s < n; ++s) {
        const Index i = open[at(s)];
        const T sq = distance[at(s)];
        if (!(sq < nearest_[at(i)])) continue;
        change[at(walk_.bin(i))] -=
            static_cast<double>(weight_[i]) * (static_cast<double>(nearest_[at(i)]) - static_cast<double>(sq));
        nearest_[at(i)] = sq;
        center_[at(i)] = center;
      }
    }
  }

  // Follows the masses by their changes; anew where so much has gone that rounding would show.
  void update_sums(const std::vector<std::vector<double>>& change) {
    if (!sums_.empty()) {
      for (const auto& chunk : change)
        for (std::size_t b = 0; b < chunk.size(); ++b) sums_[b] += chunk[b];
      if (std::accumulate(sums_.begin(), sums_.end(), 0.0) > 1e-3 * total_) return;
    }
    sums_ = walk_.sums([&](Index i) { return mass(i); }, run_);
    total_ = std::accumulate(sums_.begin(), sums_.end(), 0.0);
  }

  Rows<T> x_;
  Weights<T> weight_;
  Index n_draws_;
  Stream stream_;
  Run& run_;
  Walk<T> walk_;
  Blocks chunks_;
  Index block_;
  std::vector<T> nearest_;
  std::vector<std::int32_t> center_;
  std::vector<std::uint16_t> nearer_;  // bit t: draw t is nearer than nearest_ (draws that share a bit: some is)
  CandidateDistances<T> distances_;
  std::vector<T> to_centers_;
  std::vector<T> centers_;
  std::vector<double> sums_;
  double total_ = 0;
};

}  // namespace

template <class T>
std::vector<Index> kmeans_plusplus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws, Stream stream,
                                   Run& run) {
  if (n_draws == 0) n_draws = 2 + static_cast<Index>(std::log(static_cast<double>(n_clusters)));
  return PlusPlus<T>(x, weight, n_clusters, n_draws, stream, run).run(n_clusters);
}

template <class T>
std::vector<Index> random_rows(const Rows<T>& x, Weights<T> weight, Index n_clusters, Stream stream, Run& run) {
  Walk<T> walk(x, run);
  std::vector<double> left(at(x.n_samples));
  for (Index i = 0; i < x.n_samples; ++i) left[at(i)] = static_cast<double>(weight[i]);
  const auto mass = [&](Index i) { return left[at(i)]; };
  std::vector<double> sums = walk.sums(mass, run);
  std::vector<Index> chosen;
  while (static_cast<Index>(chosen.size()) < n_clusters) {
    const Index i = walk.draw(stream.uniform(), sums, mass);
    if (i < 0) break;
    chosen.push_back(i);
    walk.for_same(i, [&](Index same) { left[at(same)] = 0; });
    sums[at(walk.bin(i))] = walk.sum_of(walk.bin(i), mass);
  }
  // Fewer distinct rows than clusters: repeat them.
  for (Index i = 0; static_cast<Index>(chosen.size()) < n_clusters; ++i) chosen.push_back(chosen[at(i)]);
  return chosen;
}

template <class T>
std::vector<Index> kmeans_parallel(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index rounds,
                                   double oversampling, Stream stream, Run& run) {
  const Index n = x.n_samples;
  const Index d = x.n_features;
  const std::uint64_t seed = stream.bits64();
  std::vector<Index> chosen = random_rows(x, weight, Index{1}, stream, run);
  std::vector<T> sq(at(n), std::numeric_limits<T>::max());
  std::vector<std::int32_t> label(at(n), -1);
  std::vector<std::int32_t> nearest_new(at(n));
  const Blocks blocks{n, assign_block_length(x)};
  const auto rows_of = [&](std::size_t first) {
    std::vector<T> rows((chosen.size() - first) * at(d));
    for (std::size_t c = first; c < chosen.size(); ++c)
      x.copy(chosen[c], rows.data() + static_cast<Index>(c - first) * d);
    return rows;
  };
  // Takes the candidates from `first` on into account.
  const auto add = [&](std::size_t first) {
    const std::vector<T> rows = rows_of(first);
    const Points<const T> fresh{rows.data(), static_cast<Index>(chosen.size() - first), d};
    std::vector<double> norms(at(fresh.n_samples));
    for (Index c = 0; c < fresh.n_samples; ++c) norms[at(c)] = x.sq_norm(chosen[first + at(c)]);
    assign_all(x, fresh, std::span(nearest_new), run);
    for_blocks(blocks, run, x.size(), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
        const std::int32_t c = nearest_new[at(i)];
        const T to = x.sq_dist(i, fresh.row(c), norms[at(c)]);
        if (to >= sq[at(i)]) continue;
        sq[at(i)] = to;
        label[at(i)] = static_cast<std::int32_t>(first) + c;
      }
    });
  };
  add(0);
  const auto mass = [&](Index i) { return static_cast<double>(weight[i]) * static_cast<double>(sq[at(i)]); };
  for (Index round = 0; round < rounds; ++round) {
    const double total = parallel::sum_blocks<double>(blocks, run, static_cast<double>(n), [&](Index b, int) {
      double sum = 0;
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) sum += mass(i);
      return sum;
    });
    if (!(total > 0)) break;
    const double scale = oversampling * static_cast<double>(n_clusters) / total;
    const std::size_t first = chosen.size();
    for (Index i = 0; i < n; ++i) {
      const double p = scale * mass(i);
      if (!(p > 0)) continue;
      const auto bits = Stream::philox(seed, static_cast<std::uint64_t>(round), static_cast<std::uint64_t>(i));
      if (static_cast<double>(bits[0]) * 0x1.0p-32 + static_cast<double>(bits[1]) * 0x1.0p-64 < p) chosen.push_back(i);
    }
    if (chosen.size() > first) add(first);
    run.progress("k-means||", static_cast<double>(round + 1), static_cast<double>(rounds));
  }
  if (static_cast<Index>(chosen.size()) <= n_clusters) return kmeans_plusplus(x, weight, n_clusters, 0, stream, run);

  std::vector<double> total(chosen.size(), 0.0);
  for (Index i = 0; i < n; ++i) total[at(label[at(i)])] += static_cast<double>(weight[i]);
  const std::vector<T> candidate_weight(total.begin(), total.end());
  const std::vector<T> rows = rows_of(0);
  const Points<const T> candidates{rows.data(), static_cast<Index>(chosen.size()), d};
  std::vector<Index> out;
  for (Index c : kmeans_plusplus(Rows<T>(candidates), Weights<T>{candidate_weight.data()}, n_clusters, 0, stream, run))
    out.push_back(chosen[at(c)]);
  return out;
}

#define SHOAL_INSTANTIATE(T)                                                                           \
  template std::vector<Index> kmeans_plusplus(const Rows<T>&, Weights<T>, Index, Index, Stream, Run&); \
  template std::vector<Index> random_rows(const Rows<T>&, Weights<T>, Index, Stream, Run&);            \
  template std::vector<Index> kmeans_parallel(const Rows<T>&, Weights<T>, Index, Index, double, Stream, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
