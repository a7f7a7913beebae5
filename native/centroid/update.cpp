#include "centroid/update.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "centroid/assignment.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Chunks: enough to keep many threads busy, few enough that their sums cost little beside the pass over the data.
constexpr Index max_chunks = 64;
constexpr Index min_chunk_length = 2048;
constexpr std::size_t max_chunk_bytes = std::size_t{1} << 26;
constexpr Index feature_slice = 16;
constexpr Index sparse_slices = 16;            // a sparse row is searched for the first column of each
constexpr Index max_moments = Index{1} << 23;  // that chunks have together

// Squared distance, or 0 when it is no more than what rounding makes of a mean of copies of the sample, a mean that
// was summed about `origin`. (A sparse row's distance is a difference of sums, known to their precision only.)
template <class T>
T beyond_rounding(const Rows<T>& x, Index i, const T* center, double center_sq_norm, const T* origin,
                  double origin_sq_norm) {
  constexpr double eps = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  const T sq = x.sq_dist(i, center, center_sq_norm);
  const double scale = x.sq_norm(i) + static_cast<double>(x.sq_dist(i, origin, origin_sq_norm));
  return static_cast<double>(sq) > (x.sparse() ? eps : eps * eps) * scale ? sq : T{0};
}

template <class T>
std::vector<double> sq_norms(Points<const T> rows) {
  std::vector<double> norms(at(rows.n_samples));
  const Rows<T> all(rows);
  for (Index j = 0; j < rows.n_samples; ++j) norms[at(j)] = all.sq_norm(j);
  return norms;
}

}  // namespace

template <class T>
std::vector<T> origin_of_sums(const Rows<T>& x, Weights<T> weight) {
  std::vector<T> origin(at(x.n_features), T{0});
  if (x.sparse()) return origin;
  constexpr Index looked_at = 63;
  std::vector<T> rows;
  Index found = 0;
  const Index stride = std::max<Index>(1, x.n_samples / looked_at);
  for (Index i = 0; i < x.n_samples && found < looked_at; i += found == 0 ? 1 : stride) {
    if (!(weight[i] > 0)) continue;
    rows.insert(rows.end(), x.dense.row(i), x.dense.row(i) + x.n_features);
    ++found;
  }
  if (found > 0) middle_of(Points<const T>{rows.data(), found, x.n_features}, origin.data());
  return origin;
}

template <class T>
CenterSums<T>::CenterSums(const Rows<T>& x, Weights<T> weight, Index n_clusters, std::vector<T> origin)
    : x_(x),
      weight_(weight),
      n_clusters_(n_clusters),
      origin_(std::move(origin)),
      sums_(at(n_clusters * x.n_features), 0.0),
      weights_(at(n_clusters), 0.0),
      counts_(at(n_clusters), 0),
      chunks_(parallel::blocks_at_most(x.n_samples, max_chunks, min_chunk_length)),
      own_sums_(at(chunks_.count()) * sums_.size() * sizeof(double) <= max_chunk_bytes),
      chunk_(at(chunks_.count())) {
  for (Chunk& chunk : chunk_) {
    if (!own_sums_) continue;
    chunk.sums.resize(sums_.size());
    chunk.weights.resize(weights_.size());
    chunk.counts.resize(weights_.size());
    chunk.touched.resize(weights_.size());
  }
}

template <class T>
void CenterSums<T>::add(double* sum, Index sample, double factor) const {
  x_.add(sum, sample, origin_.data(), factor, 0, x_.n_features);
}

template <class T>
void CenterSums<T>::touch(Chunk& chunk, std::int32_t center) const {
  if (chunk.touched[at(center)]) return;
  chunk.touched[at(center)] = 1;
  chunk.list.push_back(center);
  chunk.weights[at(center)] = 0;
  chunk.counts[at(center)] = 0;
  std::fill_n(chunk.sums.begin() + center * x_.n_features, x_.n_features, 0.0);
}

template <class T>
void CenterSums<T>::change(Index chunk_number, Index sample, std::int32_t from, std::int32_t to) {
  Chunk& chunk = chunk_[at(chunk_number)];
  if (!own_sums_) {
    chunk.samples.push_back(static_cast<std::int32_t>(sample));
    chunk.moved.emplace_back(from, to);
    return;
  }
  const double w = static_cast<double>(weight_[sample]);
  touch(chunk, to);
  add(chunk.sums.data() + to * x_.n_features, sample, w);
  chunk.weights[at(to)] += w;
  chunk.counts[at(to)] += w > 0;
  if (from < 0) return;
  touch(chunk, from);
  add(chunk.sums.data() + from * x_.n_features, sample, -w);
  chunk.weights[at(from)] -= w;
  chunk.counts[at(from)] -= w > 0;
}

template <class T>
void CenterSums<T>::apply(Run& run) {
  const Index d = x_.n_features;
  if (own_sums_) {
    const Blocks centers{n_clusters_, std::max<Index>(1, 4096 / d)};
    for_blocks(centers, run, static_cast<double>(sums_.size()) * static_cast<double>(chunks_.count()),
               [&](Index b, int) {
                 for (Index j = centers.begin(b); j < centers.end(b); ++j)
                   for (Chunk& chunk : chunk_) {
                     if (!chunk.touched[at(j)]) continue;
                     const double* from = chunk.sums.data() + j * d;
                     double* to = sums_.data() + j * d;
                     for (Index p = 0; p < d; ++p) to[p] += from[p];
                     weights_[at(j)] += chunk.weights[at(j)];
                     counts_[at(j)] += chunk.counts[at(j)];
                   }
               });
    for (Chunk& chunk : chunk_) {
      for (std::int32_t j : chunk.list) chunk.touched[at(j)] = 0;
      chunk.list.clear();
    }
    clear_empty();
    return;
  }
  // Every slice of features sees all changes in the same order.
  double changes = 0;
  for (const Chunk& chunk : chunk_) changes += static_cast<double>(chunk.samples.size());
  const Blocks slices{d, x_.sparse() ? std::max(feature_slice, d / sparse_slices) : feature_slice};
  for_blocks(slices, run, 2 * changes * static_cast<double>(d), [&](Index b, int) {
    const Index p = slices.begin(b);
    const Index end = slices.end(b);
    for (const Chunk& chunk : chunk_)
      for (std::size_t c = 0; c < chunk.samples.size(); ++c) {
        const Index i = chunk.samples[c];
        const auto [from, to] = chunk.moved[c];
        const double w = static_cast<double>(weight_[i]);
        x_.add(sums_.data() + to * d + p, i, origin_.data(), w, p, end);
        if (from >= 0) x_.add(sums_.data() + from * d + p, i, origin_.data(), -w, p, end);
      }
  });
  for (Chunk& chunk : chunk_) {
    for (std::size_t c = 0; c < chunk.samples.size(); ++c) {
      const double w = static_cast<double>(weight_[chunk.samples[c]]);
      const auto [from, to] = chunk.moved[c];
      weights_[at(to)] += w;
      counts_[at(to)] += w > 0;
      if (from < 0) continue;
      weights_[at(from)] -= w;
      counts_[at(from)] -= w > 0;
    }
    chunk.samples.clear();
    chunk.moved.clear();
  }
  clear_empty();
}

template <class T>
void CenterSums<T>::clear_empty() {
  for (Index j = 0; j < n_clusters_; ++j)
    if (empty(j)) {
      weights_[at(j)] = 0;
      std::fill_n(sums_.begin() + j * x_.n_features, x_.n_features, 0.0);
    }
}

template <class T>
void CenterSums<T>::start_again(std::span<const std::int32_t> labels, Run& run) {
  std::fill(sums_.begin(), sums_.end(), 0.0);
  std::fill(weights_.begin(), weights_.end(), 0.0);
  std::fill(counts_.begin(), counts_.end(), Index{0});
  for_blocks(chunks_, run, x_.size(), [&](Index c, int) {
    for (Index i = chunks_.begin(c); i < chunks_.end(c); ++i) change(c, i, -1, labels[at(i)]);
  });
  apply(run);
}

template <class T>
void CenterSums<T>::means(Points<T> out) const {
  const Index d = x_.n_features;
  const auto heaviest = std::max_element(weights_.begin(), weights_.end()) - weights_.begin();
  for (Index j = 0; j < n_clusters_; ++j) {
    const Index from = weights_[at(j)] > 0 ? j : heaviest;
    for (Index p = 0; p < d; ++p)
      out.row(j)[p] =
          static_cast<T>(static_cast<double>(origin_[at(p)]) + sums_[at(from * d + p)] / weights_[at(from)]);
  }
}

template <class T>
std::vector<Index> relocate_empty(const Rows<T>& x, Weights<T> weight, Points<const T> centers,
                                  std::span<std::int32_t> labels, bool spherical, CenterSums<T>& sums, Run& run) {
  std::vector<std::int32_t> empty;
  for (Index j = 0; j < centers.n_samples; ++j)
    if (sums.empty(j)) empty.push_back(static_cast<std::int32_t>(j));
  if (empty.empty()) return {};

  const std::vector<double> norms = sq_norms(centers);
  const std::vector<T>& origin = sums.origin();
  const double origin_sq = sq_norms<T>({origin.data(), 1, x.n_features})[0];
  std::vector<T> sq(at(x.n_samples));
  const Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
  for_blocks(blocks, run, x.size(), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i)
      sq[at(i)] =
          weight[i] > 0 && !(spherical && x.sq_norm(i) == 0)
              ? beyond_rounding(x, i, centers.row(labels[at(i)]), norms[at(labels[at(i)])], origin.data(), origin_sq)
              : T{0};
  });
  std::vector<Index> far(at(x.n_samples));
  for (Index i = 0; i < x.n_samples; ++i) far[at(i)] = i;
  const auto wanted = std::min(empty.size(), far.size());
  std::partial_sort(far.begin(), far.begin() + static_cast<Index>(wanted), far.end(),
                    [&](Index a, Index b) { return sq[at(a)] > sq[at(b)] || (sq[at(a)] == sq[at(b)] && a < b); });
  std::vector<Index> moved;
  for (std::size_t e = 0; e < wanted && sq[at(far[e])] > 0; ++e) {
    const Index i = far[e];
    labels[at(i)] = empty[e];
    moved.push_back(i);
  }
  if (!moved.empty()) sums.start_again(labels, run);
  return moved;
}

template <class T>
double inertia(const Rows<T>& x, Weights<T> weight, Points<const T> centers, std::span<const std::int32_t> labels,
               Run& run) {
  const std::vector<double> norms = sq_norms(centers);
  const Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
  return parallel::sum_blocks<double>(blocks, run, x.size(), [&](Index b, int) {
    double sum = 0;
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i)
      sum += static_cast<double>(weight[i]) *
             static_cast<double>(x.sq_dist(i, centers.row(labels[at(i)]), norms[at(labels[at(i)])]));
    return sum;
  });
}

template <class T>
Moments moments(const Rows<T>& x, Weights<T> weight, Run& run) {
  const Index n = x.n_samples;
  const Index d = x.n_features;
  const std::vector<T> origin = origin_of_sums(x, weight);
  const Index width = 2 * d + 1;
  const Blocks blocks = parallel::blocks_at_most(n, std::clamp<Index>(max_moments / width, 1, max_chunks), 4096);
  std::vector<double> sums(at(blocks.count() * width), 0.0);
  for_blocks(blocks, run, x.size(), [&](Index b, int) {
    double* sum = sums.data() + b * width;
    x.add_moments(sum, sum + d, blocks.begin(b), blocks.end(b), origin.data(), weight);
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) sum[2 * d] += static_cast<double>(weight[i]);
  });
  for (Index b = 1; b < blocks.count(); ++b)
    for (Index p = 0; p < width; ++p) sums[at(p)] += sums[at(b * width + p)];
  Moments found{std::vector<double>(at(d)), 0};
  const double total = sums[at(2 * d)];
  for (Index p = 0; p < d; ++p) {
    const double m = sums[at(p)] / total;
    found.variance += std::max(0.0, sums[at(d + p)] / total - m * m);
    found.mean[at(p)] = static_cast<double>(origin[at(p)]) + m;
  }
  found.variance /= static_cast<double>(d);
  return found;
}

#define SHOAL_INSTANTIATE(T)                                                                                       \
  template class CenterSums<T>;                                                                                    \
  template std::vector<T> origin_of_sums(const Rows<T>&, Weights<T>);                                              \
  template std::vector<Index> relocate_empty(const Rows<T>&, Weights<T>, Points<const T>, std::span<std::int32_t>, \
                                             bool, CenterSums<T>&, Run&);                                          \
  template double inertia(const Rows<T>&, Weights<T>, Points<const T>, std::span<const std::int32_t>, Run&);       \
  template Moments moments(const Rows<T>&, Weights<T>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
