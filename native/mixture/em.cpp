#include "mixture/em.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "distance/tile.hpp"
#include "mixture/blocks.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::mixture {
namespace {

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Chunks own a partial sum each: enough of them for many threads, together no more than this unless there are few.
constexpr Index max_chunks = 64;
constexpr Index min_chunks = 4;
constexpr Index min_chunk_length = 2048;
constexpr Index partial_bytes = Index{1} << 24;

Index second_size(Covariance type, Index k, Index d) {
  switch (type) {
    case Covariance::full:
      return k * (d * (d + 1) / 2);
    case Covariance::tied:
      return 0;
    case Covariance::diag:
      return k * d;
    case Covariance::spherical:
      return k;
  }
  return 0;
}

// Sums over samples, about components.origin (+ mean when apart); see MixtureKernels::accumulate.
struct Sums {
  Sums(Index k, Index d, Index second_length)
      : k_(k), d_(d), values_(at(k + k * d + second_length + 2), 0.0), has_second_(second_length > 0) {}

  double* weight() { return values_.data() + 2; }
  double* first() { return weight() + k_; }
  double* second() { return has_second_ ? first() + k_ * d_ : nullptr; }
  double& log_likelihood() { return values_[0]; }
  double& entropy() { return values_[1]; }
  void add(const Sums& other) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += other.values_[i];
  }

 private:
  Index k_, d_;
  std::vector<double> values_;
  bool has_second_;
};

// Components that only say what moments are about: `origin`, or `means` (k x d) when there are any.
template <class T>
Components<T> about(Covariance type, Index k, const std::vector<double>& origin, const std::vector<double>* means) {
  Components<T> out;
  out.type = type;
  out.n_components = k;
  out.n_features = static_cast<Index>(origin.size());
  for (double value : origin) out.origin.push_back(static_cast<T>(value));
  out.mean.assign(at(k) * origin.size(), T{0});
  out.apart = means != nullptr;
  if (means)
    for (std::size_t i = 0; i < means->size(); ++i)
      out.mean[i] = static_cast<T>((*means)[i] - static_cast<double>(out.origin[i % origin.size()]));
  return out;
}

// Sums of weights and samples in double, of samples and responsibilities in float.
//
// What ties components far apart together is their scatter less what is between their means: there the rounding of
// x - origin in float, and responsibilities that add up to 1 only in float, would be multiplied by the distance of the
// means, and its square. So the samples are widened first, and the responsibilities made to add up to the weight.
class WideSums {
 public:
  template <class T>
  WideSums(const Components<T>& components, Index length)
      : length_((length + kernels<double>().lanes - 1) / kernels<double>().lanes * kernels<double>().lanes),
        components_(about<double>(Covariance::tied, components.n_components,
                                  {components.origin.begin(), components.origin.end()}, nullptr)),
        buffers_(parallel::n_threads(), components_, length_ / kernels<double>().lanes),
        rows_(at(parallel::n_threads())) {}

  /// Adds samples [begin, begin + count); resp as MixtureKernels<T>::normalize leaves it.
  template <class T>
  void add(Points<const T> x, Weights<T> weight, Index begin, Index count, const T* resp, int thread, Sums& sums) {
    const auto& kernel = kernels<double>();
    const Index d = components_.n_features, k = components_.n_components;
    const Index from = kernels<T>().lanes, to = kernel.lanes;
    const Index n_panels = (count + to - 1) / to;
    Buffer<double>& own = buffers_[thread];
    std::vector<double>& rows = rows_[at(thread)];
    rows.assign(x.row(begin), x.row(begin) + count * d);
    distance::tile<double>().pack(
        distance::samples(Points<const double>{rows.data(), count, d}, components_.origin.data()), own.x.data());
    for (Index i = 0; i < n_panels * to; ++i) {
      double* out = own.density.data() + i / to * k * to + i % to;
      double total = 0;
      for (Index c = 0; c < k; ++c) {
        out[c * to] = i < count ? static_cast<double>(resp[(i / from * k + c) * from + i % from]) : 0.0;
        total += out[c * to];
      }
      if (!(total > 0)) continue;  // of no component
      const double scale = static_cast<double>(weight[begin + i]) / total;
      for (Index c = 0; c < k; ++c) out[c * to] *= scale;
    }
    kernel.accumulate(own.x.data(), own.density.data(), n_panels, components_, sums.weight(), sums.first(), nullptr,
                      own.scratch.data());
  }

 private:
  Index length_;
  Components<double> components_;
  Buffers<double> buffers_;
  std::vector<std::vector<double>> rows_;
};

// fill(own, begin, count, n_panels, sums) puts responsibilities times weights into own.density.
template <class T, class Fill>
Sums sums_over(Points<const T> x, Weights<T> weight, const Components<T>& components, bool second, bool widen, Run& run,
               Fill&& fill) {
  const auto& kernel = kernels<T>();
  const auto& tile = distance::tile<T>();
  const Index k = components.n_components;
  const Index d = components.n_features;
  const Index panels = panels_of<T>(kernel.lanes, d, k, kernel.reach);
  const Index second_length = second ? second_size(components.type, k, d) : 0;
  const Sums zero(k, d, second_length);
  const Index bytes = (k + k * d + second_length + 2) * static_cast<Index>(sizeof(double));
  const Index count = std::clamp<Index>(partial_bytes / bytes, min_chunks, max_chunks);
  const parallel::Blocks chunks = parallel::blocks_at_most(x.n_samples, count, min_chunk_length);
  std::vector<Sums> partial(at(chunks.count()), zero);
  Buffers<T> buffers(parallel::n_threads(), components, panels);
  std::optional<WideSums> wide;
  if (widen) wide.emplace(components, panels * kernel.lanes);
  const double work = 2 * static_cast<double>(x.n_samples) * work_per_sample(components);
  const distance::Samples<T> samples = distance::samples(x, components.origin.data());
  parallel::for_blocks(chunks, run, work, [&](Index chunk, int thread) {
    auto& own = buffers[thread];
    Sums& sums = partial[at(chunk)];
    const Index end = chunks.end(chunk);
    for (Index begin = chunks.begin(chunk); begin < end; begin += panels * kernel.lanes) {
      if (run.interrupted(thread)) return;
      const Index length = std::min(end - begin, panels * kernel.lanes);
      const Index n_panels = (length + kernel.lanes - 1) / kernel.lanes;
      tile.pack(samples.slice(begin, begin + length), own.x.data());
      fill(own, begin, length, n_panels, sums);
      if (wide)
        wide->add(x, weight, begin, length, own.density.data(), thread, sums);
      else
        kernel.accumulate(own.x.data(), own.density.data(), n_panels, components, sums.weight(), sums.first(),
                          sums.second(), own.scratch.data());
    }
  });
  Sums total = zero;
  for (const Sums& sums : partial) total.add(sums);
  return total;
}

template <class T>
double total_weight(Weights<T> weight, Index n) {
  if (!weight) return static_cast<double>(n);
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(weight[i]);
  return sum;
}

// Sums about components.origin (+ mean where `apart`) into moments: means, and covariances about these.
template <class T>
Moments finish(const Components<T>& components, bool apart, Sums& sums, const Scatter& all, double mean_weight) {
  const Index k = components.n_components;
  const Index d = components.n_features;
  const double floor = 10 * static_cast<double>(std::numeric_limits<T>::epsilon()) * mean_weight;
  Moments out;
  out.log_likelihood = sums.log_likelihood();
  out.entropy = sums.entropy();
  out.weight.resize(at(k));
  out.means.resize(at(k * d));
  out.covariances.assign(at(factor_size(components.type, k, d)), 0.0);
  if (components.type == Covariance::tied) out.covariances = all.second;
  double total = 0;
  std::vector<double> delta(at(d)), first(at(d));
  for (Index c = 0; c < k; ++c) {
    const double raw = sums.weight()[c];
    const double count = raw + floor;
    // sum r (v - delta)(v - delta)' = sum r v v' - back delta delta'
    const double back = 2 * count - raw;
    out.weight[at(c)] = count;
    total += count;
    for (Index p = 0; p < d; ++p) {
      delta[at(p)] = sums.first()[c * d + p] / count;
      out.means[at(c * d + p)] = static_cast<double>(components.origin[at(p)]) +
                                 (apart ? static_cast<double>(components.mean[at(c * d + p)]) : 0.0) + delta[at(p)];
    }
    if (components.type == Covariance::tied) {
      // sum r (x - m)(x - m)' = sum r v v' - first delta' - delta first' + raw delta delta', all about the mean of all
      for (Index p = 0; p < d; ++p) {
        first[at(p)] = sums.first()[c * d + p] + raw * (out.means[at(c * d + p)] - delta[at(p)] - all.mean[at(p)]);
        delta[at(p)] = out.means[at(c * d + p)] - all.mean[at(p)];
      }
      for (Index a = 0; a < d; ++a)
        for (Index b = 0; b < d; ++b)
          out.covariances[at(a * d + b)] -=
              first[at(a)] * delta[at(b)] + delta[at(a)] * first[at(b)] - raw * delta[at(a)] * delta[at(b)];
      continue;
    }
    const double* second = sums.second();
    if (!second) continue;
    if (components.type == Covariance::full) {
      const double* entry = second + c * (d * (d + 1) / 2);
      double* to = out.covariances.data() + c * d * d;
      for (Index a = 0; a < d; ++a)
        for (Index b = a; b < d; ++b)
          to[a * d + b] = to[b * d + a] = (*entry++ - back * delta[at(a)] * delta[at(b)]) / count;
    } else if (components.type == Covariance::diag) {
      for (Index p = 0; p < d; ++p)
        out.covariances[at(c * d + p)] = (second[c * d + p] - back * delta[at(p)] * delta[at(p)]) / count;
    } else {
      double sq = 0;
      for (Index p = 0; p < d; ++p) sq += delta[at(p)] * delta[at(p)];
      out.covariances[at(c)] = (second[c] - back * sq) / count / static_cast<double>(d);
    }
  }
  if (components.type == Covariance::tied)
    for (double& value : out.covariances) value /= total;
  return out;
}

// The weighted mean of the samples, summed about the first.
template <class T>
std::vector<double> mean_of(Points<const T> x, Weights<T> weight, Run& run) {
  const Index d = x.n_features;
  const parallel::Blocks blocks = parallel::blocks_at_most(x.n_samples, max_chunks, 4096);
  std::vector<double> sums(at(blocks.count() * (d + 1)), 0.0);
  const double work = static_cast<double>(x.size());
  parallel::for_blocks(blocks, run, work, [&](Index b, int) {
    double* sum = sums.data() + b * (d + 1);
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      const double w = static_cast<double>(weight[i]);
      for (Index p = 0; p < d; ++p) sum[p] += w * (static_cast<double>(x.row(i)[p]) - static_cast<double>(x.row(0)[p]));
      sum[d] += w;
    }
  });
  for (Index b = 1; b < blocks.count(); ++b)
    for (Index p = 0; p <= d; ++p) sums[at(p)] += sums[at(b * (d + 1) + p)];
  std::vector<double> mean(at(d));
  for (Index p = 0; p < d; ++p) mean[at(p)] = static_cast<double>(x.row(0)[p]) + sums[at(p)] / sums[at(d)];
  return mean;
}

// Moments under responsibilities that `fill` knows: means first, then covariances about them.
template <class T, class Fill>
Moments given_moments(Points<const T> x, Weights<T> weight, Index k, Covariance type, const Scatter& all, Run& run,
                      Fill&& fill) {
  const std::vector<double> origin = mean_of(x, weight, run);
  const double mean_weight = total_weight(weight, x.n_samples) / static_cast<double>(x.n_samples);
  const Components<T> whole = about<T>(type, k, origin, nullptr);
  const bool widen = type == Covariance::tied && std::is_same_v<T, float>;
  Sums sums = sums_over(x, weight, whole, false, widen, run, fill);
  Moments moments = finish(whole, false, sums, all, mean_weight);
  if (type == Covariance::tied) return moments;
  const Components<T> own = about<T>(type, k, origin, &moments.means);
  sums = sums_over(x, weight, own, true, false, run, fill);
  return finish(own, true, sums, all, mean_weight);
}

template <class T>
void put_weights(Weights<T> weight, Index begin, Index count, Index length, T* out) {
  for (Index i = 0; i < count; ++i) out[i] = weight[begin + i];
  std::fill(out + count, out + length, T{0});
}

}  // namespace

template <class T>
Scatter scatter(Points<const T> x, Weights<T> weight, Run& run) {
  Scatter out;
  const Index d = x.n_features;
  out.weight = total_weight(weight, x.n_samples);
  out.mean = mean_of(x, weight, run);
  out.second.resize(at(d * d));
  const Components<double> one = about<double>(Covariance::full, 1, out.mean, nullptr);
  const auto& kernel = kernels<double>();
  const Index panels = panels_of<double>(kernel.lanes, d, 1, kernel.reach);
  const parallel::Blocks chunks = parallel::blocks_at_most(x.n_samples, max_chunks / 4, min_chunk_length);
  const Sums zero(1, d, d * (d + 1) / 2);
  std::vector<Sums> partial(at(chunks.count()), zero);
  Buffers<double> buffers(parallel::n_threads(), one, panels);
  const double work = static_cast<double>(x.n_samples) * work_per_sample(one);
  parallel::for_blocks(chunks, run, work, [&](Index chunk, int thread) {
    auto& own = buffers[thread];
    std::vector<double> rows(at(panels * kernel.lanes * d));
    const Index end = chunks.end(chunk);
    for (Index begin = chunks.begin(chunk); begin < end; begin += panels * kernel.lanes) {
      if (run.interrupted(thread)) return;
      const Index length = std::min(end - begin, panels * kernel.lanes);
      const Index n_panels = (length + kernel.lanes - 1) / kernel.lanes;
      std::copy(x.row(begin), x.row(begin) + length * d, rows.begin());
      const Points<const double> wide{rows.data(), length, d};
      distance::tile<double>().pack(distance::samples(wide, one.origin.data()), own.x.data());
      for (Index i = 0; i < n_panels * kernel.lanes; ++i)
        own.density[at(i)] = i < length ? static_cast<double>(weight[begin + i]) : 0.0;
      Sums& sums = partial[at(chunk)];
      kernel.accumulate(own.x.data(), own.density.data(), n_panels, one, sums.weight(), sums.first(), sums.second(),
                        own.scratch.data());
    }
  });
  Sums total = zero;
  for (const Sums& sums : partial) total.add(sums);
  const double* entry = total.second();
  for (Index a = 0; a < d; ++a)
    for (Index b = a; b < d; ++b) out.second[at(a * d + b)] = out.second[at(b * d + a)] = *entry++;
  return out;
}

template <class T>
Moments em_moments(Points<const T> x, Weights<T> weight, const Components<T>& components, const Scatter& all,
                   Run& run) {
  const auto& kernel = kernels<T>();
  const Index k = components.n_components;
  const bool widen = components.type == Covariance::tied && components.apart && std::is_same_v<T, float>;
  Sums sums = sums_over(
      x, weight, components, true, widen, run, [&](Buffer<T>& own, Index begin, Index count, Index n_panels, Sums& to) {
        const Index d = x.n_features;
        const Index next = std::min(begin + 2 * count, x.n_samples);
        kernel.log_density(own.x.data(), n_panels, components, own.density.data(), own.scratch.data(),
                           x.data + (begin + count) * d, x.data + std::max(begin + count, next) * d);
        put_weights(weight, begin, count, n_panels * kernel.lanes, own.weight.data());
        kernel.normalize(own.density.data(), n_panels, k, own.weight.data(), own.log_sum.data(), own.entropy.data());
        double log_likelihood = 0;
        double entropy = 0;
        for (Index i = 0; i < count; ++i) {
          const double w = static_cast<double>(own.weight[at(i)]);
          log_likelihood += w * static_cast<double>(own.log_sum[at(i)]);
          entropy += w * static_cast<double>(own.entropy[at(i)]);
        }
        to.log_likelihood() += log_likelihood;
        to.entropy() += entropy;
      });
  return finish(components, components.apart && !widen, sums, all,
                total_weight(weight, x.n_samples) / static_cast<double>(x.n_samples));
}

template <class T>
Moments label_moments(Points<const T> x, Weights<T> weight, std::span<const std::int32_t> labels, Index k,
                      Covariance type, const Scatter& all, Run& run) {
  const Index lanes = kernels<T>().lanes;
  return given_moments(x, weight, k, type, all, run,
                       [&](Buffer<T>& own, Index begin, Index count, Index n_panels, Sums&) {
                         std::fill_n(own.density.begin(), n_panels * lanes * k, T{0});
                         for (Index i = 0; i < count; ++i)
                           if (const Index c = labels[at(begin + i)]; c >= 0)
                             own.density[at((i / lanes * k + c) * lanes + i % lanes)] = weight[begin + i];
                       });
}

template <class T>
Moments resp_moments(Points<const T> x, Weights<T> weight, Points<const T> resp, Covariance type, const Scatter& all,
                     Run& run) {
  const Index lanes = kernels<T>().lanes;
  const Index k = resp.n_features;
  return given_moments(
      x, weight, k, type, all, run, [&](Buffer<T>& own, Index begin, Index count, Index n_panels, Sums&) {
        std::fill_n(own.density.begin(), n_panels * lanes * k, T{0});
        for (Index i = 0; i < count; ++i)
          for (Index c = 0; c < k; ++c)
            own.density[at((i / lanes * k + c) * lanes + i % lanes)] = weight[begin + i] * resp.row(begin + i)[c];
      });
}

namespace {

// P, upper triangular with P P' the inverse of a: the inverse of the upper triangular root of a. Row operations only.
// False where a has none, and when `stop` says so before.
template <class Stop>
bool invert_root(const double* a, Index d, double* root, double* out, Stop&& stop) {
  std::copy(a, a + d * d, root);
  for (Index j = 0; j < d; ++j) {
    if (j % 16 == 0 && stop()) return false;
    double* row = root + j * d;
    if (!(row[j] > 0) || !std::isfinite(row[j])) return false;
    const double pivot = std::sqrt(row[j]);
    for (Index p = j; p < d; ++p) row[p] /= pivot;
    for (Index i = j + 1; i < d; ++i) {
      const double f = row[i];
      double* below = root + i * d;
      for (Index p = i; p < d; ++p) below[p] -= f * row[p];
    }
  }
  std::fill(out, out + d * d, 0.0);
  for (Index i = d - 1; i >= 0; --i) {
    if (i % 16 == 0 && stop()) return false;
    double* row = out + i * d;
    const double* u = root + i * d;
    row[i] = 1;
    for (Index m = i + 1; m < d; ++m) {
      const double* later = out + m * d;
      for (Index p = m; p < d; ++p) row[p] -= u[m] * later[p];
    }
    for (Index p = i; p < d; ++p) row[p] /= u[i];
  }
  return true;
}

}  // namespace

Index precision_factors(Covariance type, Index k, Index d, const double* covariances, double* factor, Run& run) {
  if (type == Covariance::diag || type == Covariance::spherical) {
    const Index per = type == Covariance::diag ? d : 1;
    for (Index i = 0; i < k * per; ++i) {
      if (!(covariances[i] > 0) || !std::isfinite(covariances[i])) return i / per;
      factor[i] = 1 / std::sqrt(covariances[i]);
    }
    return -1;
  }
  const parallel::Blocks blocks{type == Covariance::full ? k : 1, 1};
  std::vector<char> failed(at(blocks.count()), 0);
  const double dd = static_cast<double>(d);
  parallel::for_blocks(blocks, run, static_cast<double>(blocks.count()) * dd * dd * dd / 4, [&](Index c, int thread) {
    std::vector<double> root(at(d * d));
    failed[at(c)] = !invert_root(covariances + c * d * d, d, root.data(), factor + c * d * d,
                                 [&] { return run.interrupted(thread); });
  });
  const auto first = std::find(failed.begin(), failed.end(), 1);
  return first == failed.end() ? -1 : first - failed.begin();
}

#define SHOAL_INSTANTIATE(T)                                                                                    \
  template Scatter scatter(Points<const T>, Weights<T>, Run&);                                                  \
  template Moments em_moments(Points<const T>, Weights<T>, const Components<T>&, const Scatter&, Run&);         \
  template Moments label_moments(Points<const T>, Weights<T>, std::span<const std::int32_t>, Index, Covariance, \
                                 const Scatter&, Run&);                                                         \
  template Moments resp_moments(Points<const T>, Weights<T>, Points<const T>, Covariance, const Scatter&, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::mixture
