#include "centroid/seeding.hpp"

#include <cmath>

#include "centroid/greedy.hpp"
#include "centroid/nearest_chosen.hpp"
#include "centroid/walk.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using random::Stream;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// k-means++ with one draw per centre, by rejection. Rows are drawn by their distances to the centres known at the last
// pass, which are no less than the true ones, and kept with the probability true / known: so each is drawn with the
// probability of the paper, and a pass over the data is due only when too many are refused. What decides about passes
// depends on the rows drawn alone, not on their number, so that copies are weights here too.
template <class T>
class SingleDraws {
 public:
  SingleDraws(const Rows<T>& x, Weights<T> weight, Stream stream, Run& run)
      : x_(x), weight_(weight), stream_(stream), run_(run), walk_(x, run), known_(x) {}

  std::vector<Index> run(Index n_clusters) {
    const auto by_weight = [&](Index i) { return static_cast<double>(weight_[i]); };
    const std::vector<double> weight_sums = walk_.sums(by_weight, run_);
    take(walk_.draw(stream_.uniform(), weight_sums, by_weight));
    while (std::ssize(chosen_) < n_clusters) {
      run_.checkpoint();
      run_.progress("k-means++", static_cast<double>(chosen_.size()), static_cast<double>(n_clusters));
      if (n_known_ == 0 || n_refused_ > most_refused()) look_at_all();
      const double u = stream_.uniform();
      const Index i = walk_.draw(u, sums_, [&](Index s) { return mass(s); });
      if (i < 0)
        take(walk_.draw(u, weight_sums, by_weight));  // no distinct sample is left: any will do
      else if (keeps(i))
        take(i);
      else
        ++n_refused_;
    }
    run_.progress("k-means++", static_cast<double>(n_clusters), static_cast<double>(n_clusters));
    return std::move(chosen_);
  }

 private:
  double mass(Index i) const {
    return weight_[i] > 0 ? static_cast<double>(weight_[i]) * static_cast<double>(known_.sq(i)) : 0.0;
  }

  Index n_fresh() const { return std::ssize(chosen_) - n_known_; }
  Index most_refused() const { return 256 + 16 * n_fresh(); }

  void take(Index row) {
    chosen_.push_back(row);
    fresh_.resize(at(n_fresh() * x_.n_features));
    x_.copy(row, fresh_.data() + (n_fresh() - 1) * x_.n_features);
    fresh_sq_.push_back(x_.sparse() ? x_.sq_norm(row) : 0.0);
  }

  // All distances anew: after this none is refused until further rows are chosen.
  void look_at_all() {
    const auto fresh = std::span(chosen_).subspan(at(n_known_));
    known_.add(fresh, run_);
    // Rows equal to a centre are at distance 0, whatever rounding said of them.
    for (const Index row : fresh) walk_.for_same(row, [&](Index i) { known_.set_zero(i); });
    sums_ = walk_.sums([&](Index s) { return mass(s); }, run_);
    n_known_ = std::ssize(chosen_);
    n_refused_ = 0;
    fresh_.clear();
    fresh_sq_.clear();
  }

  bool keeps(Index i) {
    if (n_fresh() == 0) return true;
    const double least = stream_.uniform() * static_cast<double>(known_.sq(i));
    for (Index c = 0; c < n_fresh(); ++c) {
      if (walk_.hash(i) == walk_.hash(chosen_[at(n_known_ + c)])) return false;
      if (static_cast<double>(x_.sq_dist(i, fresh_.data() + c * x_.n_features, fresh_sq_[at(c)])) <= least)
        return false;
    }
    return true;
  }

  Rows<T> x_;
  Weights<T> weight_;
  Stream stream_;
  Run& run_;
  Walk<T> walk_;
  NearestChosen<T> known_;
  std::vector<Index> chosen_;
  std::vector<double> sums_;  // of the masses in the bins of the walk
  std::vector<T> fresh_;      // rows chosen since the last pass, written out
  std::vector<double> fresh_sq_;
  Index n_known_ = 0;
  Index n_refused_ = 0;
};

}  // namespace

template <class T>
std::vector<Index> kmeans_plusplus(const Rows<T>& x, Weights<T> weight, Index n_clusters, Index n_draws, Stream stream,
                                   Run& run, const Moments* known) {
  if (n_draws == 0) n_draws = 2 + static_cast<Index>(std::log(static_cast<double>(n_clusters)));
  if (n_draws == 1) return SingleDraws<T>(x, weight, stream, run).run(n_clusters);
  return greedy_plusplus(x, weight, n_clusters, n_draws, stream, known, run);
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
    run.checkpoint();
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
  // Equal rows are one row of their total weight, with one random number per round: a function of their values.
  Walk<T> walk(x, run);
  const std::vector<double> merged = walk.merged(weight, run);
  const auto by_weight = [&](Index i) { return merged[at(i)]; };
  std::vector<Index> chosen{walk.draw(stream.uniform(), walk.sums(by_weight, run), by_weight)};
  NearestChosen<T> nearest(x);
  const Blocks blocks = parallel::blocks_of(n, sizeof(double));
  nearest.add(chosen, run);
  const auto mass = [&](Index i) { return merged[at(i)] * static_cast<double>(nearest.sq(i)); };
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
      const auto bits = Stream::philox(seed, static_cast<std::uint64_t>(round), walk.hash(i));
      if (static_cast<double>(bits[0]) * 0x1.0p-32 + static_cast<double>(bits[1]) * 0x1.0p-64 < p) chosen.push_back(i);
    }
    if (chosen.size() > first) nearest.add(std::span(chosen).subspan(first), run);
    run.progress("k-means||", static_cast<double>(round + 1), static_cast<double>(rounds));
  }
  if (static_cast<Index>(chosen.size()) <= n_clusters) return kmeans_plusplus(x, weight, n_clusters, 0, stream, run);

  std::vector<double> total(chosen.size(), 0.0);
  for (Index i = 0; i < n; ++i) total[at(nearest.label(i))] += static_cast<double>(weight[i]);
  const std::vector<T> candidate_weight(total.begin(), total.end());
  const std::vector<T>& rows = nearest.rows();
  const Points<const T> candidates{rows.data(), static_cast<Index>(chosen.size()), d};
  std::vector<Index> out;
  for (Index c : kmeans_plusplus(Rows<T>(candidates), Weights<T>{candidate_weight.data()}, n_clusters, 0, stream, run))
    out.push_back(chosen[at(c)]);
  return out;
}

#define SHOAL_INSTANTIATE(T)                                                                                           \
  template std::vector<Index> kmeans_plusplus(const Rows<T>&, Weights<T>, Index, Index, Stream, Run&, const Moments*); \
  template std::vector<Index> random_rows(const Rows<T>&, Weights<T>, Index, Stream, Run&);                            \
  template std::vector<Index> kmeans_parallel(const Rows<T>&, Weights<T>, Index, Index, double, Stream, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
