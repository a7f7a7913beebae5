#include "centroid/minibatch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>

#include "centroid/assignment.hpp"
#include "centroid/seeding.hpp"
#include "parallel/parallel_for.hpp"
#include "random/philox.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;
using random::Stream;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Bytes of samples in one piece of work: small, for a batch is small and all threads should have some of it.
constexpr std::size_t block_bytes = std::size_t{1} << 14;

// Rows drawn with replacement. A draw is a function of (seed, purpose, number) and the weights alone.
template <class T>
class Draws {
 public:
  Draws(Index n, Weights<T> weight) : n_(n) {
    if (!weight) return;
    // Inverse of the cumulative weights, with a table of where to begin (Chen and Asau 1974): O(1) per draw.
    sums_.resize(at(n));
    double sum = 0;
    for (Index i = 0; i < n; ++i) sums_[at(i)] = sum += static_cast<double>(weight[i]);
    first_.resize(at(n));
    Index i = 0;
    for (Index g = 0; g < n; ++g) {
      while (i + 1 < n && sums_[at(i)] <= sum * (static_cast<double>(g) / static_cast<double>(n))) ++i;
      first_[at(g)] = static_cast<std::int32_t>(i);
    }
    while (last_ + 1 < n && sums_[at(last_)] < sum) ++last_;
  }

  void operator()(std::uint64_t seed, DrawFor purpose, Index number, std::span<std::int32_t> out) const {
    const auto blocks = (out.size() + 1) / 2;
    for (std::size_t b = 0; b < blocks; ++b) {
      const auto bits = Stream::philox(seed, static_cast<std::uint64_t>(purpose), at(number) * blocks + b);
      out[2 * b] = row(std::uint64_t{bits[0]} << 32 | bits[1]);
      if (2 * b + 1 < out.size()) out[2 * b + 1] = row(std::uint64_t{bits[2]} << 32 | bits[3]);
    }
  }

 private:
  std::int32_t row(std::uint64_t bits) const {
    const double u = static_cast<double>(bits >> 11) * 0x1.0p-53;
    const auto place = static_cast<std::int32_t>(u * static_cast<double>(n_));  // < n_: u is at most 1 - 2^-53
    if (sums_.empty()) return place;
    const double target = u * sums_.back();
    Index i = first_[at(place)];
    while (i < last_ && sums_[at(i)] <= target) ++i;
    return static_cast<std::int32_t>(i);
  }

  Index n_;
  Index last_ = 0;                   // the last row with weight
  std::vector<double> sums_;         // sums_[i]: weight of rows 0 .. i; empty without weights
  std::vector<std::int32_t> first_;  // first_[g]: the first row whose sum is more than g / n of the total
};

// One batch after another: copied rows in a buffer, or all of x.
template <class T>
class Batch {
 public:
  /// All of x at once.
  Batch(const Rows<T>& x, Weights<T> weight) : x_(x), rows_(x), weight_(weight) {}
  /// `size` drawn rows.
  Batch(const Rows<T>& x, Weights<T> weight, Index size)
      : x_(x), rows_(x), draws_(std::in_place, x.n_samples, weight), index_(at(size)) {
    if (x.sparse()) {
      start_.assign(at(size + 1), 0);
      rows_ = Rows<T>(Csr<T>{x.csr.value, x.csr.column, start_.data()}, size, x.n_features);  // empty until drawn
    } else {
      value_.resize(at(size * x.n_features));
      rows_ = Rows<T>(Points<const T>{value_.data(), size, x.n_features});
    }
  }

  Index size() const { return whole() ? x_.n_samples : static_cast<Index>(index_.size()); }
  /// The rows of the batch; of sparse data, once the first is drawn.
  const Rows<T>& rows() const { return rows_; }
  Weights<T> weight() const { return weight_; }
  /// True when every sample is in every batch.
  bool whole() const { return !draws_; }

  /// Draws the rows of a step; copy() brings them in. Returns true when rows() is at a new address.
  bool draw(std::uint64_t seed, Index step) {
    if (whole()) return false;
    (*draws_)(seed, DrawFor::step, step, index_);
    if (!x_.sparse()) return false;
    Index total = 0;  // a row may be drawn more than once
    for (std::size_t s = 0; s < index_.size(); ++s) {
      total += x_.csr.start[index_[s] + 1] - x_.csr.start[index_[s]];
      if (total > std::numeric_limits<std::int32_t>::max())
        throw std::length_error(
            "batch_size is too large: the samples of a batch have more than 2^31 - 1 stored values");
      start_[s + 1] = static_cast<std::int32_t>(total);
    }
    const auto stored = at(start_.back());
    const bool moved = value_.size() < stored;
    if (value_.size() < stored) {
      value_.resize(2 * stored);
      column_.resize(2 * stored);
    }
    rows_ =
        Rows<T>(Csr<T>{value_.data(), column_.data(), start_.data()}, static_cast<Index>(index_.size()), x_.n_features);
    return moved;
  }
  void copy(Index begin, Index end) {
    if (whole()) return;
    for (Index s = begin; s < end; ++s) {
      const Index i = index_[at(s)];
      if (!x_.sparse()) {
        std::copy_n(x_.dense.row(i), x_.n_features, value_.data() + s * x_.n_features);
        continue;
      }
      const auto from = x_.csr.start[i];
      const auto stored = x_.csr.start[i + 1] - from;
      std::copy_n(x_.csr.value + from, stored, value_.data() + start_[at(s)]);
      std::copy_n(x_.csr.column + from, stored, column_.data() + start_[at(s)]);
    }
  }

 private:
  Rows<T> x_;
  Rows<T> rows_;
  Weights<T> weight_;
  std::optional<Draws<T>> draws_;
  std::vector<std::int32_t> index_;
  std::vector<T> value_;
  std::vector<std::int32_t> column_, start_;
};

// How many different rows of positive weight there are, up to `enough`.
template <class T>
Index n_distinct(const Rows<T>& x, Weights<T> weight, Index enough) {
  std::vector<std::uint64_t> hashes;
  for (Index i = 0; i < x.n_samples; ++i)
    if (weight[i] > 0) hashes.push_back(x.hash(i));
  std::sort(hashes.begin(), hashes.end());
  return std::min<Index>(enough, std::unique(hashes.begin(), hashes.end()) - hashes.begin());
}

// The work of a step.
template <class T>
class Stepper {
 public:
  Stepper(Batch<T>& batch, MiniBatchState<T>& state, const MiniBatchOptions& options)
      : batch_(batch),
        state_(state),
        options_(options),
        d_(batch.rows().n_features),
        k_(static_cast<Index>(state.counts.size())),
        label_(at(batch.size())),
        order_(at(batch.size())),
        first_(at(k_ + 1)),
        zeros_(batch.rows().sparse() ? at(d_) : 0, T{0}),
        sums_(at(parallel::n_threads())) {
    for (auto& sum : sums_) sum.resize(at(d_));
  }

  /// Weight of the batch.
  double batch_weight() const {
    if (!batch_.weight()) return static_cast<double>(batch_.size());
    double sum = 0;
    for (Index i = 0; i < batch_.size(); ++i) sum += static_cast<double>(batch_.weight()[i]);
    return sum;
  }

  /// Labels the batch of this step; returns its inertia.
  double assign(Index step, Run& run) {
    if (batch_.draw(options_.seed, step) || !assigner_) assigner_ = make_assigner(Algorithm::lloyd, batch_.rows(), k_);
    const Points<const T> centers{state_.centers.data(), k_, d_};
    assigner_->prepare(centers, {}, run);
    if (batch_.rows().sparse()) {
      norms_.resize(at(k_));
      for (Index j = 0; j < k_; ++j) norms_[at(j)] = Rows<T>(centers).sq_norm(j);
    }
    const Rows<T>& x = batch_.rows();
    const Blocks blocks = parallel::blocks_of(batch_.size(), static_cast<std::size_t>(d_) * sizeof(T), block_bytes);
    return parallel::sum_blocks<double>(
        blocks, run, parallel::work_of_step(assign_work(x, k_)), [&](Index b, int thread) {
          const Index begin = blocks.begin(b);
          const Index end = blocks.end(b);
          batch_.copy(begin, end);
          assigner_->assign(begin, end, thread, label_.data());
          double sum = 0;
          for (Index i = begin; i < end; ++i) {
            const std::int32_t j = label_[at(i)];
            sum += static_cast<double>(batch_.weight()[i]) *
                   static_cast<double>(x.sq_dist(i, centers.row(j), x.sparse() ? norms_[at(j)] : 0.0));
          }
          return sum;
        });
  }

  /// Moves every centre that was given samples; returns the sum of the squared moves when `measure`.
  double update(bool measure, Run& run) {
    group_by_label();
    if (measure) before_ = state_.centers;
    const Rows<T>& x = batch_.rows();
    const Blocks centers{k_, std::max<Index>(1, 2048 / d_)};
    for_blocks(centers, run, parallel::work_of_step(x.size()), [&](Index b, int thread) {
      for (Index j = centers.begin(b); j < centers.end(b); ++j)
        if (first_[at(j)] < first_[at(j + 1)]) move(j, sums_[at(thread)]);
    });
    if (!measure) return 0;
    double shift = 0;
    for (std::size_t p = 0; p < before_.size(); ++p) {
      const double move = static_cast<double>(state_.centers[p]) - static_cast<double>(before_[p]);
      shift += move * move;
    }
    return shift;
  }

  /// Centres whose count is below a share of the largest start again from distinct rows of the batch, at most half of
  /// those there are; their count becomes the smallest of the others', so that they are not at once due again.
  void reassign(Index step, Run& run) {
    std::vector<double>& counts = state_.counts;
    const double limit = std::min(1.0, options_.reassignment_ratio) * *std::max_element(counts.begin(), counts.end());
    std::vector<std::int32_t> low;
    for (Index j = 0; j < k_; ++j)
      if (counts[at(j)] < limit) low.push_back(static_cast<std::int32_t>(j));
    if (low.empty()) return;
    const auto most = at(n_distinct(batch_.rows(), batch_.weight(), static_cast<Index>(2 * low.size())) / 2);
    if (low.size() > most) {
      std::stable_sort(low.begin(), low.end(), [&](auto a, auto b) { return counts[at(a)] < counts[at(b)]; });
      low.resize(most);
      std::sort(low.begin(), low.end());
    }
    if (low.empty()) return;
    std::vector<std::uint8_t> is_low(at(k_), 0);
    for (std::int32_t j : low) is_low[at(j)] = 1;
    double least = std::numeric_limits<double>::infinity();
    for (Index j = 0; j < k_; ++j)
      if (!is_low[at(j)]) least = std::min(least, counts[at(j)]);
    const Stream stream(options_.seed, static_cast<std::uint64_t>(DrawFor::reassignment) | at(step) << 8);
    const auto rows = random_rows(batch_.rows(), batch_.weight(), static_cast<Index>(low.size()), stream, run);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Index j = low[r];
      T* center = state_.centers.data() + j * d_;
      batch_.rows().copy(rows[r], center);
      std::copy_n(center, d_, state_.means.begin() + j * d_);
      counts[at(j)] = least;
    }
  }

 private:
  // order_[first_[j] .. first_[j + 1]) are the samples of centre j, in the order of the batch.
  void group_by_label() {
    std::fill(first_.begin(), first_.end(), 0);
    for (std::int32_t j : label_) ++first_[at(j) + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    std::vector<std::int32_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t i = 0; i < label_.size(); ++i) order_[at(next[at(label_[i])]++)] = static_cast<std::int32_t>(i);
  }

  // mean += (sum of w (x - mean)) / (count + sum of w), the sum taken about the centre, which is near the mean.
  void move(Index j, std::vector<double>& sum) {
    const Rows<T>& x = batch_.rows();
    T* center = state_.centers.data() + j * d_;
    const T* origin = x.sparse() ? zeros_.data() : center;
    std::fill(sum.begin(), sum.end(), 0.0);
    double total = 0;
    for (std::int32_t s = first_[at(j)]; s < first_[at(j + 1)]; ++s) {
      const Index i = order_[at(s)];
      const double w = static_cast<double>(batch_.weight()[i]);
      x.add(sum.data(), i, origin, w, 0, d_);
      total += w;
    }
    if (!(total > 0)) return;
    double& count = state_.counts[at(j)];
    double* mean = state_.means.data() + j * d_;
    const double all = count + total;
    for (Index p = 0; p < d_; ++p) {
      const double from = static_cast<double>(origin[p]);
      if (count > 0)
        mean[p] += (sum[at(p)] + total * (from - mean[p])) / all;
      else
        mean[p] = from + sum[at(p)] / all;
    }
    count += total;
    if (!options_.spherical) {
      for (Index p = 0; p < d_; ++p) center[p] = static_cast<T>(mean[p]);
      return;
    }
    double sq = 0;
    for (Index p = 0; p < d_; ++p) sq += mean[p] * mean[p];
    if (!(sq > 0)) return;  // a mean of zero has no direction: the centre stays
    for (Index p = 0; p < d_; ++p) center[p] = static_cast<T>(mean[p] / std::sqrt(sq));
  }

  Batch<T>& batch_;
  MiniBatchState<T>& state_;
  MiniBatchOptions options_;
  Index d_, k_;
  std::unique_ptr<Assigner<T>> assigner_;
  std::vector<std::int32_t> label_, order_, first_;
  std::vector<T> zeros_;                   // the origin of sparse rows
  std::vector<std::vector<double>> sums_;  // one per thread
  std::vector<double> norms_;
  std::vector<T> before_;
};

// True once every so many samples, and whenever a centre has never been given any (as scikit-learn).
template <class T>
bool reassignment_is_due(MiniBatchState<T>& state, double batch_weight) {
  state.seen += batch_weight;
  const bool unused = std::find(state.counts.begin(), state.counts.end(), 0.0) != state.counts.end();
  if (!unused && state.seen < 10.0 * static_cast<double>(state.counts.size())) return false;
  state.seen = 0;
  return true;
}

// Ends the fit when the exponentially weighted average of the batch inertia has not fallen for some steps.
class Improvement {
 public:
  Improvement(const MiniBatchOptions& options, double batch_size, double n_samples)
      : patience_(options.max_no_improvement), share_(std::min(1.0, 2 * batch_size / (n_samples + 1))) {}

  double average() const { return average_; }

  /// The inertia of step 0 tells of the start alone: the average begins with step 1.
  bool has_ended(Index step, double inertia) {
    if (step <= 1)
      average_ = inertia;
    else
      average_ += share_ * (inertia - average_);
    if (step == 0) return false;
    if (average_ < least_) {
      least_ = average_;
      without_ = 0;
    } else {
      ++without_;
    }
    return patience_ >= 0 && without_ >= patience_;
  }

 private:
  Index patience_;
  double share_;
  double average_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  Index without_ = 0;
};

}  // namespace

template <class T>
MiniBatchResult<T> minibatch_fit(const Rows<T>& x, Weights<T> weight, Points<const T> start,
                                 const MiniBatchOptions& options, Run& run) {
  MiniBatchResult<T> result;
  result.state = MiniBatchState<T>(start);
  Batch<T> batch = options.batch_size < x.n_samples ? Batch<T>(x, weight, options.batch_size) : Batch<T>(x, weight);
  Stepper<T> stepper(batch, result.state, options);
  Improvement improvement(options, static_cast<double>(batch.size()), static_cast<double>(x.n_samples));
  const double batch_weight = stepper.batch_weight();
  const auto total = static_cast<double>(options.max_steps);
  while (true) {
    const Index step = result.n_steps++;
    // A batch of all samples tells all there is to know of a centre's share.
    const bool due = reassignment_is_due(result.state, batch_weight) || batch.whole();
    const double inertia = stepper.assign(step, run) / batch_weight;
    const double shift = stepper.update(options.tol > 0, run);
    const bool ended = improvement.has_ended(step, inertia);
    result.mean_inertia = improvement.average();
    run.progress("mini-batches", static_cast<double>(step + 1), total);
    result.converged = ended || (step > 0 && options.tol > 0 && shift <= options.tol);
    if (result.converged || result.n_steps == options.max_steps || !std::isfinite(inertia)) break;
    // After the last step a fresh centre would never see a sample.
    if (due && options.reassignment_ratio > 0) stepper.reassign(step, run);
  }
  run.progress("mini-batches", static_cast<double>(result.n_steps), static_cast<double>(result.n_steps));
  return result;
}

template <class T>
double minibatch_step(const Rows<T>& x, Weights<T> weight, MiniBatchState<T>& state, Index step,
                      const MiniBatchOptions& options, Run& run) {
  Batch<T> batch(x, weight);
  Stepper<T> stepper(batch, state, options);
  const bool due = reassignment_is_due(state, stepper.batch_weight());
  const double inertia = stepper.assign(step, run);
  stepper.update(false, run);
  if (due && options.reassignment_ratio > 0) stepper.reassign(step, run);
  return inertia;
}

template <class T>
std::vector<std::int32_t> draw_rows(Index n_samples, Weights<T> weight, Index count, std::uint64_t seed,
                                    DrawFor purpose, Index number) {
  std::vector<std::int32_t> rows(at(count));
  Draws<T>(n_samples, weight)(seed, purpose, number, rows);
  return rows;
}

#define SHOAL_INSTANTIATE(T)                                                                                      \
  template MiniBatchResult<T> minibatch_fit(const Rows<T>&, Weights<T>, Points<const T>, const MiniBatchOptions&, \
                                            Run&);                                                                \
  template double minibatch_step(const Rows<T>&, Weights<T>, MiniBatchState<T>&, Index, const MiniBatchOptions&,  \
                                 Run&);                                                                           \
  template std::vector<std::int32_t> draw_rows(Index, Weights<T>, Index, std::uint64_t, DrawFor, Index);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
