#include "centroid/kmeans.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_set>

#include "centroid/update.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Which assignment to use for the next step, from what the last steps did: counts only, so the choice is the same
// on every machine with the same vectors. The tile computes a distance in half the time or less that one takes behind
// bounds, and the first step with bounds computes them all: bounds pay when they rule out six in ten, which is when
// hardly a sample changes its label any more. The figures were measured on blobs and uniform data of
// 2 to 784 features and 10 to 1000 centres (benchmarks/): a bound per group of centres pays from about 128
// centres on, below that one bound per sample does, and below `min_work` vector operations per sample nothing beats the
// tile.
template <class T>
class Policy {
 public:
  Policy(Algorithm asked, const Rows<T>& x, Index n_clusters) : asked_(asked) {
    if (asked != Algorithm::automatic) return;
    const Index size = kernels<T>().group_size;
    const Index n_groups = (n_clusters + size - 1) / size;
    const auto bounds = static_cast<double>(bounds_size<T>(Algorithm::yinyang, x.n_samples, n_clusters)) * sizeof(T);
    const double data = x.size() * sizeof(T);
    const bool memory_bound = n_clusters <= max_few_clusters && x.n_features >= min_many_features;
    worth_it_ =
        !x.sparse() && !memory_bound && static_cast<double>(n_groups) * static_cast<double>(x.n_features) >= min_work;
    if (n_clusters >= min_grouped_clusters && bounds <= std::max(2 * data, max_bounds_bytes))
      accelerated_ = Algorithm::yinyang;
  }

  Algorithm next() const {
    if (asked_ != Algorithm::automatic) return asked_;
    return bounded_ ? accelerated_ : Algorithm::lloyd;
  }

  /// After a step: share of samples that changed their label, share of (sample, centre) values computed.
  void learn(double changed, double computed) {
    if (!worth_it_) return;
    if (!bounded_) {
      if (rest_ > 0) --rest_;
      if (rest_ == 0 && changed < start_below) bounded_ = fresh_ = true;
      return;
    }
    // The first bounded step computes everything to have bounds at all.
    if (!fresh_ && computed > stop_above) {
      bounded_ = false;
      rest_ = pause_;
      pause_ *= 2;
    }
    fresh_ = false;
  }

 private:
  static constexpr double start_below = 0.015;
  static constexpr double stop_above = 0.4;
  static constexpr double min_work = 64;
  static constexpr Index min_grouped_clusters = 128;
  static constexpr Index max_few_clusters = 32;  // with many features a pass takes as long as reading the samples
  static constexpr Index min_many_features = 64;
  static constexpr double max_bounds_bytes = 256.0 * 1024 * 1024;
  Algorithm asked_;
  Algorithm accelerated_ = Algorithm::hamerly;
  bool worth_it_ = false;
  bool bounded_ = false;
  bool fresh_ = false;
  Index rest_ = 0;
  Index pause_ = 4;
};

// Rows to unit length; a mean of zero has no direction and stays where it was.
template <class T>
void scale_to_unit(Points<T> centers, Points<const T> before) {
  for (Index j = 0; j < centers.n_samples; ++j) {
    double sq = 0;
    for (T value : centers[j]) sq += static_cast<double>(value) * static_cast<double>(value);
    const double scale = sq > 0 ? 1 / std::sqrt(sq) : 0.0;
    for (Index p = 0; p < centers.n_features; ++p)
      centers.row(j)[p] = sq > 0 ? static_cast<T>(static_cast<double>(centers.row(j)[p]) * scale) : before.row(j)[p];
  }
}

// Labelings of the steps so far, by a sum over samples that changes with every label. In exact arithmetic a labeling
// that led to another one never comes back (docs/specification/kmeans.md); when one does, rounding moves the labels
// and the loop may end.
class Labelings {
 public:
  static std::uint64_t term(Index sample, std::int32_t label) {
    auto bits = static_cast<std::uint64_t>(sample) * 0x9E3779B97F4A7C15u + static_cast<std::uint32_t>(label);
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
    return bits ^ bits >> 31;
  }
  static std::uint64_t sum(std::span<const std::int32_t> labels) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) total += term(static_cast<Index>(i), labels[i]);
    return total;
  }
  /// Takes the labeling of the next step; true when an earlier one than the last was the same.
  bool returns(std::uint64_t labeling) {
    const bool known = earlier_.contains(labeling);
    if (any_) earlier_.insert(last_);
    any_ = true;
    last_ = labeling;
    return known;
  }

 private:
  std::unordered_set<std::uint64_t> earlier_;
  std::uint64_t last_ = 0;
  bool any_ = false;
};

}  // namespace

template <class T>
KMeansResult<T> kmeans_fit(const Rows<T>& x, Weights<T> weight, Points<const T> start, const KMeansOptions& options,
                           Run& run) {
  const Index n = x.n_samples;
  const Index d = x.n_features;
  const Index k = start.n_samples;
  KMeansResult<T> result;
  result.centers.assign(start.data, start.data + start.size());
  result.labels.assign(at(n), -1);
  std::vector<T> next_centers(result.centers.size());
  std::vector<T> moves(at(k));
  CenterSums<T> sums(x, weight, k, origin_of_sums(x, weight));
  Points<T> centers{result.centers.data(), k, d};

  Policy<T> policy(options.algorithm, x, k);
  Algorithm current = policy.next();
  auto assigner = make_assigner(current, x, k, options.max_iter);
  const Index block = assign_block_length(x);
  const double work = assign_work(x, k);
  std::int32_t* label = result.labels.data();

  // One assignment pass; returns how many labels changed. Changes are given to the sums when `gather`.
  double computed_share = 0;
  std::uint64_t labeling = Labelings::sum(result.labels);
  const auto assign = [&](bool gather) {
    assigner->prepare(centers, moves, run);
    std::atomic<Index> changed{0};
    std::atomic<Index> computed{0};
    std::atomic<std::uint64_t> difference{0};
    const auto pass = [&](Index begin, Index end, int thread, Index chunk) {
      std::vector<std::int32_t> before(label + begin, label + end);
      computed.fetch_add(assigner->assign(begin, end, thread, label), std::memory_order_relaxed);
      Index here = 0;
      std::uint64_t terms = 0;
      for (Index i = begin; i < end; ++i) {
        const std::int32_t from = before[at(i - begin)];
        if (label[i] == from) continue;
        ++here;
        terms += Labelings::term(i, label[i]) - Labelings::term(i, from);
        if (gather) sums.change(chunk, i, from, label[i]);
      }
      changed.fetch_add(here, std::memory_order_relaxed);
      difference.fetch_add(terms, std::memory_order_relaxed);
    };
    const parallel::Blocks& chunks = sums.chunks();
    parallel::for_blocks(chunks, run, work, [&](Index c, int thread) {
      for (Index begin = chunks.begin(c); begin < chunks.end(c) && !run.stopped(); begin += block) {
        pass(begin, std::min(begin + block, chunks.end(c)), thread, c);
        if (thread == 0) run.tick();
      }
    });
    computed_share = static_cast<double>(computed.load()) / (static_cast<double>(n) * static_cast<double>(k));
    labeling += difference.load();
    return changed.load();
  };

  Labelings labelings;
  bool settled = false;  // the labels are those of the centres
  while (result.n_iter < options.max_iter) {
    const Index changed = assign(true);
    ++result.n_iter;
    const bool returned = labelings.returns(labeling);
    sums.apply(run);
    const auto relocated =
        relocate_empty(x, weight, Points<const T>(centers), std::span(result.labels), options.spherical, sums, run);
    for (Index i : relocated) assigner->forget(i);
    if (!relocated.empty()) labeling = Labelings::sum(result.labels);
    sums.means({next_centers.data(), k, d});
    if (options.spherical) scale_to_unit<T>({next_centers.data(), k, d}, centers);
    double shift = 0;
    for (Index j = 0; j < k; ++j) {
      double sq = 0;
      for (Index p = j * d; p < (j + 1) * d; ++p) {
        const double move = static_cast<double>(next_centers[at(p)]) - static_cast<double>(result.centers[at(p)]);
        sq += move * move;
      }
      shift += sq;
      moves[at(j)] = static_cast<T>(std::sqrt(sq) * (1 + 4 * static_cast<double>(std::numeric_limits<T>::epsilon())));
    }
    std::swap(result.centers, next_centers);
    centers.data = result.centers.data();
    run.progress("Lloyd", static_cast<double>(result.n_iter), static_cast<double>(options.max_iter));
    if (changed == 0 && relocated.empty()) {
      result.converged = settled = true;
      break;
    }
    if (shift <= options.tol || returned) {
      result.converged = true;
      break;
    }
    policy.learn(static_cast<double>(changed) / static_cast<double>(n), computed_share);
    if (policy.next() != current) {
      current = policy.next();
      assigner = make_assigner(current, x, k, options.max_iter - result.n_iter);
    }
  }
  if (!settled) assign(false);
  result.inertia = inertia(x, weight, Points<const T>(centers), std::span<const std::int32_t>(result.labels), run);
  run.progress("Lloyd", static_cast<double>(result.n_iter), static_cast<double>(result.n_iter));
  return result;
}

template KMeansResult<float> kmeans_fit(const Rows<float>&, Weights<float>, Points<const float>, const KMeansOptions&,
                                        Run&);
template KMeansResult<double> kmeans_fit(const Rows<double>&, Weights<double>, Points<const double>,
                                         const KMeansOptions&, Run&);

}  // namespace shoal::centroid
