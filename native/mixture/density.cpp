#include "mixture/density.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

#include "distance/tile.hpp"
#include "mixture/blocks.hpp"
#include "mixture/levels.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::mixture {

template <>
const MixtureKernels<float>& kernels<float>() {
  return SHOAL_PICK_TABLE(mixture_f32);
}
template <>
const MixtureKernels<double>& kernels<double>() {
  return SHOAL_PICK_TABLE(mixture_f64);
}

Index factor_size(Covariance type, Index k, Index d) {
  switch (type) {
    case Covariance::full:
      return k * d * d;
    case Covariance::tied:
      return d * d;
    case Covariance::diag:
      return k * d;
    case Covariance::spherical:
      return k;
  }
  return 0;
}

namespace {

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Distances from the origin, in standard deviations, from which on differences from the mean come first: rounding
// relative to the distance then still leaves a float 5, a double 11 digits of a whitened coordinate.
template <class T>
constexpr double apart_from = sizeof(T) == 4 ? 100 : 1e5;

// The triangle of an upper triangular matrix, in strips of columns, row by row within a strip.
template <class T>
void pack_triangle(const double* factor, Index d, Index columns, T* out) {
  for (Index j0 = 0; j0 < d; j0 += columns) {
    const Index j1 = std::min(d, j0 + columns);
    for (Index i = 0; i < j1; ++i)
      for (Index j = std::max(i, j0); j < j1; ++j) *out++ = static_cast<T>(factor[i * d + j]);
  }
}

// Rows of d values, feature by feature within groups of rows.
template <class T>
void pack_groups(const std::vector<double>& rows, Index k, Index d, Index group, T* out) {
  for (Index first = 0; first < k; first += group)
    for (Index p = 0; p < d; ++p)
      for (Index c = first; c < std::min(k, first + group); ++c) *out++ = static_cast<T>(rows[at(c * d + p)]);
}

}  // namespace

template <class T>
Components<T> pack_components(Covariance type, Points<const double> means, const double* factor,
                              const double* log_weight) {
  const Index k = means.n_samples;
  const Index d = means.n_features;
  const Index columns = kernels<T>().columns;
  const Index group = kernels<T>().group;
  Components<T> out;
  out.type = type;
  out.n_components = k;
  out.n_features = d;
  out.origin.resize(at(d));
  for (Index p = 0; p < d; ++p) {
    double sum = 0;
    for (Index c = 0; c < k; ++c) sum += means.row(c)[p] / static_cast<double>(k);
    out.origin[at(p)] = static_cast<T>(sum);
  }
  out.mean.resize(at(k * d));
  for (Index c = 0; c < k; ++c)
    for (Index p = 0; p < d; ++p)
      out.mean[at(c * d + p)] = static_cast<T>(means.row(c)[p] - static_cast<double>(out.origin[at(p)]));

  // m P of the means as they were rounded, and the log determinants
  std::vector<double> whitened(at(k * d), 0.0);
  std::vector<double> log_det(at(k), 0.0);
  double farthest = 0;
  for (Index c = 0; c < k; ++c) {
    const T* mean = out.mean.data() + c * d;
    double* row = whitened.data() + c * d;
    if (type == Covariance::full || type == Covariance::tied) {
      const double* p = factor + (type == Covariance::full ? c * d * d : 0);
      for (Index i = 0; i < d; ++i)
        for (Index j = i; j < d; ++j) row[j] += static_cast<double>(mean[i]) * p[i * d + j];
      for (Index i = 0; i < d; ++i) log_det[at(c)] += std::log(p[i * d + i]);
    } else {
      for (Index i = 0; i < d; ++i) {
        const double p = type == Covariance::diag ? factor[c * d + i] : factor[c];
        row[i] = static_cast<double>(mean[i]) * p;
        log_det[at(c)] += std::log(p);
      }
    }
    for (Index i = 0; i < d; ++i) farthest = std::max(farthest, std::abs(row[i]));
  }
  out.apart = !(farthest <= apart_from<T>);

  out.offset.resize(at(k));
  out.half.assign(at(k), T(0.5));
  for (Index c = 0; c < k; ++c) {
    out.offset[at(c)] =
        static_cast<T>(log_weight[c] + log_det[at(c)] - static_cast<double>(d) / 2 * std::log(2 * std::numbers::pi));
    if (type == Covariance::spherical) out.half[at(c)] = static_cast<T>(factor[c] * factor[c] / 2);
  }
  const Index triangle = d * (d + 1) / 2;
  out.shift.resize(at(k * d));
  switch (type) {
    case Covariance::full:
      out.factor.resize(at(k * triangle));
      for (Index c = 0; c < k; ++c) pack_triangle(factor + c * d * d, d, columns, out.factor.data() + c * triangle);
      std::transform(whitened.begin(), whitened.end(), out.shift.begin(), [](double v) { return static_cast<T>(v); });
      break;
    case Covariance::tied:
      out.factor.resize(at(triangle));
      pack_triangle(factor, d, columns, out.factor.data());
      pack_groups(whitened, k, d, group, out.shift.data());
      break;
    case Covariance::diag: {
      out.factor.resize(at(k * d));
      pack_groups({factor, factor + k * d}, k, d, group, out.factor.data());
      pack_groups(whitened, k, d, group, out.shift.data());
      break;
    }
    case Covariance::spherical:
      pack_groups({out.mean.begin(), out.mean.end()}, k, d, group, out.shift.data());
      break;
  }
  return out;
}

template <class T>
void log_densities(Points<const T> x, const Components<T>& components, const Densities<T>& out, Run& run) {
  const auto& kernel = kernels<T>();
  const auto& tile = distance::tile<T>();
  assert(kernel.lanes == tile.lanes);
  const Index k = components.n_components;
  const Index d = components.n_features;
  const Index panels = panels_of<T>(kernel.lanes, d, k, kernel.reach);
  const parallel::Blocks blocks = blocks_of_panels(x.n_samples, panels * kernel.lanes);
  Buffers<T> buffers(parallel::n_threads(), components, panels);
  const double work = static_cast<double>(x.n_samples) * work_per_sample(components);
  parallel::for_blocks(blocks, run, work, [&](Index b, int thread) {
    auto& own = buffers[thread];
    const Index begin = blocks.begin(b);
    const Index count = blocks.end(b) - begin;
    const Index n_panels = (count + kernel.lanes - 1) / kernel.lanes;
    tile.pack(distance::samples(x, components.origin.data()).slice(begin, begin + count), own.x.data());
    kernel.log_density(own.x.data(), n_panels, components, own.density.data(), own.scratch.data(), x.data, x.data);
    if (out.label || out.best || out.second || out.log_sum) {
      kernel.choose(own.density.data(), n_panels, k, own.label.data(), own.best.data(), own.second.data(),
                    out.log_sum ? own.log_sum.data() : nullptr);
      if (out.label) std::copy_n(own.label.begin(), count, out.label + begin);
      if (out.best) std::copy_n(own.best.begin(), count, out.best + begin);
      if (out.second) std::copy_n(own.second.begin(), count, out.second + begin);
      if (out.log_sum) std::copy_n(own.log_sum.begin(), count, out.log_sum + begin);
    }
    if (!out.matrix) return;
    if (out.resp) {
      std::fill(own.weight.begin(), own.weight.end(), T{1});
      kernel.normalize(own.density.data(), n_panels, k, own.weight.data(), own.log_sum.data(), own.entropy.data());
    }
    for (Index i = 0; i < count; ++i) {
      const T* column = own.density.data() + i / kernel.lanes * kernel.lanes * k + i % kernel.lanes;
      T* row = out.matrix + (begin + i) * k;
      for (Index c = 0; c < k; ++c) row[c] = column[c * kernel.lanes];
    }
  });
}

template Components<float> pack_components(Covariance, Points<const double>, const double*, const double*);
template Components<double> pack_components(Covariance, Points<const double>, const double*, const double*);
template void log_densities(Points<const float>, const Components<float>&, const Densities<float>&, Run&);
template void log_densities(Points<const double>, const Components<double>&, const Densities<double>&, Run&);

}  // namespace shoal::mixture
