#include "centroid/greedy.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "centroid/assignment.hpp"
#include "centroid/draw_kernels.hpp"
#include "centroid/narrow_rows.hpp"
#include "centroid/row_kernels.hpp"
#include "centroid/update.hpp"
#include "centroid/walk.hpp"
#include "distance/codes.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using distance::Codes;
using distance::Samples;
using parallel::Blocks;
using parallel::for_blocks;
using random::Stream;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Whether samples are worth an order of their own (NarrowRows): blocks of more features have boxes too wide to leave
// much out, and few samples or centres are done sooner.
constexpr bool worth_ordering(Index n_samples, Index n_features, Index n_clusters) {
  return n_samples >= 8192 && n_features <= 3 && n_clusters >= 8;
}

// Whether rows are so narrow that a distance costs less than most tests that would save it.
template <class T>
bool is_narrow(const Rows<T>& x) {
  return !x.sparse() && x.n_features <= draw_kernels<T>().narrow_features;
}

// Squared distances from samples to a few candidates, or their gains, where rows are not narrow. Dense rows go by
// products with candidates side by side, about an origin near the data: exact to the rounding of |x|^2, which is enough
// to choose between draws. Where the data lie far from zero that rounding is too coarse, and differences are summed.
template <class T>
class CandidateDistances {
 public:
  /// Of samples whose moments may be known.
  CandidateDistances(const Rows<T>& x, Weights<T> weight, const Moments* known, Index n_candidates, Run& run)
      : x_(x), rows_(at(n_candidates * x.n_features)) {
    if (x.sparse() || is_narrow(x)) return;
    const Moments own = known ? *known : moments(x, weight, run);
    const double spread = own.variance * static_cast<double>(x.n_features);
    double mean_sq = 0;
    for (double m : own.mean) mean_sq += m * m;
    products_ = mean_sq <= 16 * spread;
    if (!products_) return;
    // Multiples of a power of two near a 16th of the spread: whole numbers stay whole, and equal gains equal.
    const double step = std::ldexp(1.0, std::max(std::ilogb(std::sqrt(spread)) - 4, -1074));
    for (double m : own.mean) origin_.push_back(static_cast<T>(std::nearbyint(m / step) * step));
    sq_norm_.resize(at(x.n_samples));
    const Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
    for_blocks(blocks, run, x.size(), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i)
        sq_norm_[at(i)] = distance::tile<T>().sq_dist(x.dense.row(i), origin_.data(), x.n_features);
    });
  }

  /// Precondition: no more candidates than announced.
  void prepare(std::span<const Index> candidates) {
    n_ = static_cast<Index>(candidates.size());
    norms_.resize(candidates.size());
    for (Index c = 0; c < n_; ++c) {
      x_.copy(candidates[at(c)], rows_.data() + c * x_.n_features);
      norms_[at(c)] = x_.sparse() ? x_.sq_norm(candidates[at(c)]) : 0.0;
    }
    if (products_) pack_lanes();
  }

  Points<const T> points() const { return {rows_.data(), n_, x_.n_features}; }

  /// Whether gains() is to be asked, and not the distances.
  bool by_products() const { return products_; }

  /// gains[c] += what draw c gains of samples `index[0..n)`, or first .. first + n when index is null; `to` begins at
  /// sample 0. Precondition: by_products().
  void gains(Index first, Index n, const std::int32_t* index, Nearest<T> to, double* gains) const {
    const Samples<T> s = some(first, n, index);
    const T* norms = sq_norm_.data();
    if (!index) {
      norms += first;
      to.sq += first;
      if (to.weight) to.weight += first;
      to.nearer += first;
    }
    std::array<double, draw_lanes> gained;
    for (Index c = 0; c < n_; c += draw_lanes) {
      gained.fill(0);
      draw_kernels<T>().product_gains(s, lanes_.data() + c * x_.n_features, start_.data() + c, norms, to,
                                      static_cast<int>(c % 16), gained.data());
      for (Index l = 0; l < std::min(draw_lanes, n_ - c); ++l) gains[c + l] += gained[at(l)];
    }
  }

  /// Distances of the same samples, out[c * stride + s]. Precondition: not by_products().
  void operator()(Index first, Index n, const std::int32_t* index, T* out, Index stride) const {
    if (x_.sparse()) {
      for (Index s = 0; s < n; ++s)
        for (Index c = 0; c < n_; ++c)
          out[c * stride + s] =
              x_.sq_dist(index ? index[s] : first + s, rows_.data() + c * x_.n_features, norms_[at(c)]);
    } else {
      draw_kernels<T>().distances(some(first, n, index), rows_.data(), n_, out, stride);
    }
  }

 private:
  Samples<T> some(Index first, Index n, const std::int32_t* index) const {
    Samples<T> s = distance::samples(x_.dense);
    s.index = index;
    return index ? s.slice(0, n) : s.slice(first, first + n);
  }

  // |x - c|^2 = |x - o|^2 + 2 (|c - o|^2 / 2 + o.(c - o) - x.(c - o)): x itself need not be shifted.
  void pack_lanes() {
    const Index d = x_.n_features;
    const Index padded = (n_ + draw_lanes - 1) / draw_lanes * draw_lanes;
    lanes_.assign(at(padded * d), T{0});
    start_.assign(at(padded), std::numeric_limits<T>::infinity());
    for (Index c = 0; c < n_; ++c) {
      T* to = lanes_.data() + c / draw_lanes * draw_lanes * d + c % draw_lanes;
      double start = 0;
      for (Index p = 0; p < d; ++p) {
        const T shifted = rows_[at(c * d + p)] - origin_[at(p)];
        to[p * draw_lanes] = shifted;
        start +=
            static_cast<double>(shifted) * (static_cast<double>(shifted) / 2 + static_cast<double>(origin_[at(p)]));
      }
      start_[at(c)] = static_cast<T>(start);
    }
  }

  Rows<T> x_;
  Index n_ = 0;
  bool products_ = false;
  std::vector<T> rows_;
  std::vector<double> norms_;
  std::vector<T> origin_;
  std::vector<T> sq_norm_;
  AlignedVector<T> lanes_;
  AlignedVector<T> start_;
};

// The state of a k-means++ start: for every sample the squared distance to its nearest centre so far. Where rows are
// narrow, samples are counted by their places (NarrowRows), and only blocks that some draw may come nearer to are open.
template <class T>
class PlusPlus {
 public:
  PlusPlus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws, Stream stream, const Moments* known,
           Run& run)
      : x_(x),
        n_draws_(n_draws),
        stream_(stream),
        run_(run),
        narrow_(make_narrow(x, n_clusters, run)),
        own_weight_(weight && narrow_ ? by_place(weight.data) : std::vector<T>{}),
        weight_(own_weight_.empty() ? weight : Weights<T>{own_weight_.data()}),
        walk_(narrow_ ? by_place(hash_all(x, run).data()) : hash_all(x, run)),
        block_(narrow_ ? narrow_->block_size() : assign_block_length(x)),
        chunks_(parallel::blocks_at_most(x.n_samples, 64, 2048)),
        open_(narrow_ ? at(narrow_->n_blocks()) : 0),
        farthest_(open_.size(), std::numeric_limits<T>::max()),
        nearest_(at(x.n_samples), std::numeric_limits<T>::max()),
        center_(at(x.n_samples), 0),
        nearer_(at(x.n_samples), 0),
        distances_(x, weight, known, n_draws, run),
        to_centers_(at(n_clusters * n_draws)),
        centers_(at(n_clusters * x.n_features)) {
    if (narrow_) chunks_.length = (chunks_.length + block_ - 1) / block_ * block_;  // whole blocks
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
      if (std::ssize(chosen) == n_clusters) break;
      draws.clear();
      for (Index t = 0; t < n_draws_; ++t) {
        const double u = stream_.uniform();
        Index i = walk_.draw(u, sums_, [&](Index s) { return mass(s); });
        // No distinct sample is left: any will do.
        if (i < 0) i = walk_.draw(u, weight_sums, by_weight);
        draws.push_back(i);
      }
    }
    for (Index& i : chosen) i = sample(i);
    return chosen;
  }

 private:
  static std::optional<NarrowRows<T>> make_narrow(const Rows<T>& x, Index n_clusters, Run& run) {
    if (!is_narrow(x)) return std::nullopt;
    return NarrowRows<T>(x.dense, worth_ordering(x.n_samples, x.n_features, n_clusters), run);
  }
  Index sample(Index i) const { return narrow_ ? narrow_->sample(i) : i; }
  template <class V>
  std::vector<V> by_place(const V* of_sample) const {
    std::vector<V> out(at(x_.n_samples));
    for (Index i = 0; i < x_.n_samples; ++i) out[at(i)] = of_sample[sample(i)];
    return out;
  }

  double mass(Index i) const { return static_cast<double>(weight_[i]) * static_cast<double>(nearest_[at(i)]); }

  // Adds the draw that lowers the sum of masses most, the earliest of equals.
  void add_best(std::span<const Index> draws, std::vector<Index>& chosen) {
    const auto n_chosen = static_cast<Index>(chosen.size());
    const auto n_draws = static_cast<Index>(draws.size());
    drawn_.assign(draws.begin(), draws.end());
    for (Index& i : drawn_) i = sample(i);
    distances_.prepare(drawn_);
    // Where a distance costs less than the test that would save it, none is left out.
    const bool prune = n_chosen > 0 && !x_.sparse() && !narrow_;
    const std::vector<T> reach = prune ? reach_of_draws(n_chosen, n_draws) : std::vector<T>{};
    std::vector<double> gains(at(chunks_.count() * n_draws), 0.0);
    if (n_chosen == 0) {
      std::fill(nearer_.begin(), nearer_.end(), bit_of(0));  // the first centre is every sample's nearest
      std::fill(open_.begin(), open_.end(), std::uint8_t{1});
    } else if (narrow_) {
      for_blocks(chunks_, run_, work(n_draws), [&](Index c, int) { find_in_blocks(c, gains.data() + c * n_draws); });
    } else if (screened(n_chosen, draws)) {
      for_blocks(chunks_, run_, work(1), [&](Index c, int) { check_screened(c, gains.data() + c * n_draws); });
    } else {
      for_blocks(chunks_, run_, work(n_draws), [&](Index c, int) {
        find_nearer(c, n_draws, prune ? reach.data() : nullptr, gains.data() + c * n_draws);
      });
    }
    std::vector<double> gain(at(n_draws), 0.0);
    for (Index c = 0; c < chunks_.count(); ++c)
      for (Index t = 0; t < n_draws; ++t) gain[at(t)] += gains[at(c * n_draws + t)];
    // Two samples that are each other's nearest gain the same: what rounding makes of it is no reason to choose.
    constexpr double equal = 1 + 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
    Index best = 0;
    for (Index t = 1; t < n_draws; ++t)
      if (gain[at(t)] > gain[at(best)] * equal) best = t;

    const Index row = draws[at(best)];
    x_.copy(sample(row), centers_.data() + n_chosen * x_.n_features);
    chosen.push_back(row);
    row_of_center_ = row;
    std::vector<std::vector<double>> change(at(chunks_.count()));
    for_blocks(chunks_, run_, work(1), [&](Index c, int) { take(c, best, n_chosen, change[at(c)]); });
    // Rows equal to the centre are at distance 0, whatever rounding said of them.
    walk_.for_same(row, [&](Index i) { put(i, T{0}, n_chosen, change[0]); });
    update_sums(change);
  }

  double work(Index n_draws) const { return 0.2 * x_.size() * static_cast<double>(n_draws); }

  // reach[a]: a sample of centre a whose nearest_ is no more than this is nearer to a than to any draw, for
  // |draw - centre| >= 2 |sample - centre| implies |draw - sample| >= |sample - centre|. Rounding is allowed for.
  std::vector<T> reach_of_draws(Index n_chosen, Index n_draws) {
    std::vector<T> reach(at(n_chosen), std::numeric_limits<T>::max());
    const T safe = T{0.25} * (1 - 8 * static_cast<T>(x_.n_features + 8) * std::numeric_limits<T>::epsilon());
    const Points<const T> centers{centers_.data(), n_chosen, x_.n_features};
    draw_kernels<T>().distances(distance::samples(centers), distances_.points().data, n_draws, to_centers_.data(),
                                n_chosen);
    for (Index t = 0; t < n_draws; ++t)
      for (Index a = 0; a < n_chosen; ++a)
        reach[at(a)] = std::min(reach[at(a)], to_centers_[at(t * n_chosen + a)] * safe);
    return reach;
  }

  // For one chunk: which draws are nearer to which samples, and what each draw would gain.
  void find_nearer(Index chunk, Index n_draws, const T* reach, double* gains) {
    std::vector<std::int32_t> open;
    const Index room = distances_.by_products() ? 0 : block_;
    std::vector<T> distance(at(n_draws * room));
    std::vector<T> now(at(room)), weights(at(weight_ ? room : 0));
    std::vector<std::uint16_t> nearer(at(room));
    for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += block_) {
      const Index end = std::min(begin + block_, chunks_.end(chunk));
      std::fill(nearer_.begin() + begin, nearer_.begin() + end, std::uint16_t{0});
      open.clear();
      if (reach)
        for (Index i = begin; i < end; ++i)
          if (nearest_[at(i)] > reach[center_[at(i)]]) open.push_back(static_cast<std::int32_t>(i));
      const auto n_open = static_cast<Index>(open.size());
      if (reach && n_open == 0) continue;
      const bool all = !reach || 4 * n_open > 3 * (end - begin);
      const Index count = all ? end - begin : n_open;
      const std::int32_t* index = all ? nullptr : open.data();
      if (distances_.by_products()) {
        distances_.gains(begin, count, index, {nearest_.data(), weight_.data, nearer_.data()}, gains);
        continue;
      }
      distances_(begin, count, index, distance.data(), block_);
      if (all) {
        const Nearest<T> to{nearest_.data() + begin, weight_ ? weight_.data + begin : nullptr, nearer_.data() + begin};
        for (Index t = 0; t < n_draws; ++t)
          gains[t] += draw_kernels<T>().gain(distance.data() + t * block_, to, end - begin, bit_of(t));
        continue;
      }
      for (Index s = 0; s < n_open; ++s) {
        now[at(s)] = nearest_[at(open[at(s)])];
        nearer[at(s)] = 0;
        if (weight_) weights[at(s)] = weight_[open[at(s)]];
      }
      for (Index t = 0; t < n_draws; ++t)
        gains[t] +=
            draw_kernels<T>().gain(distance.data() + t * block_,
                                   {now.data(), weight_ ? weights.data() : nullptr, nearer.data()}, n_open, bit_of(t));
      for (Index s = 0; s < n_open; ++s) nearer_[at(open[at(s)])] = nearer[at(s)];
    }
  }

  // The same where rows are narrow, for the blocks of the chunk. A draw that is farther from a block than the nearest
  // centres of all of its samples gains nothing there.
  void find_in_blocks(Index chunk, double* gains) {
    const Index d = x_.n_features;
    const Points<const T> draws = distances_.points();
    for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += block_) {
      const Index b = begin / block_;
      const Index n = std::min(block_, chunks_.end(chunk) - begin);
      if (open_[at(b)]) std::fill_n(nearer_.begin() + begin, n, std::uint16_t{0});
      open_[at(b)] = 0;
      const Nearest<T> to{nearest_.data() + begin, weight_ ? weight_.data + begin : nullptr, nearer_.data() + begin};
      for (Index t = 0; t < draws.n_samples; ++t) {
        if (narrow_->sq_dist_to_block(b, draws.row(t)) >= farthest_[at(b)]) continue;
        open_[at(b)] = 1;
        gains[t] +=
            draw_kernels<T>().narrow_gain(narrow_->from(begin), narrow_->stride(), n, d, draws.row(t), to, bit_of(t));
      }
    }
  }

  // Screens all samples by their codes where that has been paying: sets nearer_ to the draws that may be nearer.
  bool screened(Index n_chosen, std::span<const Index> draws) {
    if (x_.sparse() || x_.n_features < screen_from_features) return false;
    if (n_chosen < screen_from || std::ssize(draws) > distance::most_queries || --pause_ > 0) return false;
    if (!codes_) {
      codes_.emplace(x_.dense, run_);
      if (codes_->any()) {
        nearer_.resize(at(codes_->padded()));
        root_.assign(nearer_.size(), 0.0f);
        for (Index i = 0; i < x_.n_samples; ++i) set_root(i);
      }
    }
    if (!codes_->any()) return false;
    codes_->take(draws, screened_);
    const Blocks panels{static_cast<Index>(nearer_.size()) / Codes<T>::lanes, 128};
    std::atomic<Index> open{0};
    for_blocks(panels, run_, 0.02 * x_.size(), [&](Index b, int) {
      const Index here = codes_->screen(screened_, panels.begin(b), panels.end(b), root_.data(),
                                        nearer_.data() + panels.begin(b) * Codes<T>::lanes);
      open.fetch_add(here, std::memory_order_relaxed);
    });
    // Each pair left open costs a distance; where many are, reading all samples in order, once for all draws, is
    // cheaper.
    const double worth = 0.6 + 0.06 * static_cast<double>(draws.size());
    if (static_cast<double>(open.load()) > worth * static_cast<double>(x_.n_samples)) pause_ = 8;
    return true;
  }

  void set_root(Index i) {
    root_[at(i)] = codes_->steps(std::sqrt(static_cast<double>(nearest_[at(i)]))) + codes_->rest(i);
  }

  // For one chunk: the distances that the codes left open.
  void check_screened(Index chunk, double* gains) {
    const auto sq_dist = distance::tile<T>().sq_dist;
    const Points<const T> draws = distances_.points();
    for_rows_nearer(chunk, std::uint16_t{0xffff}, [&](Index i) {
      const T now = nearest_[at(i)];
      std::uint16_t nearer = 0;
      for (unsigned left = nearer_[at(i)]; left; left &= left - 1) {
        const Index t = std::countr_zero(left);
        const T sq = sq_dist(x_.dense.row(i), draws.row(t), x_.n_features);
        if (!(sq < now)) continue;
        nearer = static_cast<std::uint16_t>(nearer | bit_of(t));
        gains[t] += static_cast<double>(weight_[i]) * (static_cast<double>(now) - static_cast<double>(sq));
      }
      nearer_[at(i)] = nearer;
    });
  }

  // Calls body(i) for the samples from first to end that have one of these draws in nearer_. Most have none: 16 are
  // passed over at a time.
  template <class Body>
  void for_nearer(Index first, Index end, std::uint16_t draws, Body&& body) const {
    constexpr Index stride = 16;
    for (Index begin = first; begin < end; begin += stride) {
      const Index here = std::min(stride, end - begin);
      std::array<std::uint64_t, stride / 4> words{};
      std::memcpy(words.data(), nearer_.data() + begin, at(here) * sizeof(std::uint16_t));
      if (!(words[0] | words[1] | words[2] | words[3])) continue;
      for (Index i = begin; i < begin + here; ++i)
        if (nearer_[at(i)] & draws) body(i);
    }
  }

  // The same for the rows of a chunk, which are asked for ahead.
  template <class Body>
  void for_rows_nearer(Index chunk, std::uint16_t draws, Body&& body) const {
    constexpr std::size_t ahead = 8;
    std::vector<std::int32_t> found;
    for_nearer(chunks_.begin(chunk), chunks_.end(chunk), draws,
               [&](Index i) { found.push_back(static_cast<std::int32_t>(i)); });
    for (std::size_t s = 0; s < found.size(); ++s) {
      if (s + ahead < found.size() && !x_.sparse()) {
        const T* row = x_.dense.row(found[s + ahead]);
        for (Index p = 0; p < x_.n_features; p += 64 / static_cast<Index>(sizeof(T))) __builtin_prefetch(row + p);
      }
      body(found[s]);
    }
  }

  static std::uint16_t bit_of(Index draw) { return static_cast<std::uint16_t>(1u << (draw % 16)); }

  // For one chunk: gives the new centre the samples it is nearer to, by differences; what their bins lose goes to
  // `change`.
  void take(Index chunk, Index draw, Index center, std::vector<double>& change) {
    const std::uint16_t bit = bit_of(draw);
    const T* row = centers_.data() + center * x_.n_features;
    const double row_sq = x_.sparse() ? x_.sq_norm(row_of_center_) : 0.0;
    if (narrow_) return take_in_blocks(chunk, bit, center, change);
    for_rows_nearer(chunk, bit, [&](Index i) { put(i, x_.sq_dist(i, row, row_sq), center, change); });
  }

  void take_in_blocks(Index chunk, std::uint16_t bit, Index center, std::vector<double>& change) {
    const T* row = centers_.data() + center * x_.n_features;
    for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += block_) {
      const Index end = std::min(begin + block_, chunks_.end(chunk));
      if (!open_[at(begin / block_)]) continue;
      for_nearer(begin, end, bit, [&](Index i) { put(i, narrow_->sq_dist(i, row), center, change); });
      farthest_[at(begin / block_)] = largest(std::span(nearest_).subspan(at(begin), at(end - begin)));
    }
  }
  static T largest(std::span<const T> values) {
    constexpr std::size_t chains = 16;
    std::array<T, chains> most{};
    std::size_t i = 0;
    for (; i + chains <= values.size(); i += chains)
      for (std::size_t c = 0; c < chains; ++c) most[c] = most[c] < values[i + c] ? values[i + c] : most[c];
    for (; i < values.size(); ++i) most[0] = std::max(most[0], values[i]);
    return *std::max_element(most.begin(), most.end());
  }

  // Gives sample i to a centre at this squared distance, if that is nearer.
  void put(Index i, T sq, Index center, std::vector<double>& change) {
    if (!(sq < nearest_[at(i)])) return;
    if (change.empty()) change.assign(at(walk_.n_bins()), 0.0);
    change[at(walk_.bin(i))] -=
        static_cast<double>(weight_[i]) * (static_cast<double>(nearest_[at(i)]) - static_cast<double>(sq));
    nearest_[at(i)] = sq;
    center_[at(i)] = static_cast<std::int32_t>(center);
    if (!root_.empty()) set_root(i);
  }

  // Follows the masses by their changes; anew where so much has gone that rounding would show.
  void update_sums(const std::vector<std::vector<double>>& change) {
    if (!sums_.empty()) {
      add_up(change);
      if (std::accumulate(sums_.begin(), sums_.end(), 0.0) > 1e-3 * total_) return;
    }
    std::vector<std::vector<double>> all(at(chunks_.count()), std::vector<double>(at(walk_.n_bins()), 0.0));
    for_blocks(chunks_, run_, 2.0 * static_cast<double>(x_.n_samples), [&](Index c, int) {
      for (Index i = chunks_.begin(c); i < chunks_.end(c); ++i) all[at(c)][at(walk_.bin(i))] += mass(i);
    });
    sums_.assign(at(walk_.n_bins()), 0.0);
    add_up(all);
    total_ = std::accumulate(sums_.begin(), sums_.end(), 0.0);
  }

  void add_up(const std::vector<std::vector<double>>& chunks) {
    for (const auto& chunk : chunks)
      for (std::size_t b = 0; b < chunk.size(); ++b) sums_[b] += chunk[b];
  }

  Rows<T> x_;
  Index n_draws_;
  Stream stream_;
  Run& run_;
  std::optional<NarrowRows<T>> narrow_;
  std::vector<T> own_weight_;  // by place
  Weights<T> weight_;
  Walk<T> walk_;
  Index block_;
  Blocks chunks_;
  std::vector<std::uint8_t> open_;  // of narrow rows, block by block: nearer_ is not zero throughout
  std::vector<T> farthest_;         // ... and at least the largest of nearest_
  std::vector<T> nearest_;
  std::vector<std::int32_t> center_;
  std::vector<std::uint16_t> nearer_;  // bit t: draw t is nearer than nearest_ (draws that share a bit: some is)
  CandidateDistances<T> distances_;
  std::vector<Index> drawn_;  // samples
  std::vector<T> to_centers_;
  std::vector<T> centers_;
  std::vector<double> sums_;
  double total_ = 0;
  Index row_of_center_ = 0;
  std::optional<Codes<T>> codes_;  // made when first wanted
  typename Codes<T>::Queries screened_;
  std::vector<float> root_;  // distance to the nearest centre plus what the sample's code leaves out, in steps
  Index pause_ = 0;          // steps until screening is tried again
  static constexpr Index screen_from = 12;
  static constexpr Index screen_from_features = 32;
};

}  // namespace

template <class T>
std::vector<Index> greedy_plusplus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws, Stream stream,
                                   const Moments* known, Run& run) {
  return PlusPlus<T>(x, weight, n_clusters, n_draws, stream, known, run).run(n_clusters);
}

#define SHOAL_INSTANTIATE(T) \
  template std::vector<Index> greedy_plusplus(const Rows<T>&, Weights<T>, Index, Index, Stream, const Moments*, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
