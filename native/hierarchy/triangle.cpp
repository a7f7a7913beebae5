#include "hierarchy/triangle.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>

#include "base/large_pages.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::hierarchy {
namespace {

constexpr std::size_t large_page = std::size_t{1} << 21;
constexpr Index rows_at_once = 16;
constexpr Index columns_at_once = 512;
// Columns side by side in a copy: else every feature of them is on a page of its own.
constexpr Index strip_width = 16;
constexpr Index rows_that_pay_a_copy = 32;

// Memory for `bytes`, on large pages from a few of them on.
void* allocate(std::size_t bytes) {
  const std::size_t align = bytes >= 4 * large_page ? large_page : 64;
  void* p = ::operator new(bytes, std::align_val_t{align});
  base::on_large_pages(p, bytes);
  return p;
}

std::size_t bytes_of(Index n, std::size_t item) {
  return (static_cast<std::size_t>(n) * static_cast<std::size_t>(n - 1) / 2) * item + 64;
}

}  // namespace

FeatureMajor::FeatureMajor(Points<const double> x)
    : stride_((x.n_samples + 7) / 8 * 8), d_(x.n_features), data_(static_cast<std::size_t>(stride_ * d_)) {
  constexpr Index block = 64;
  for (Index first = 0; first < x.n_samples; first += block)
    for (Index f = 0; f < d_; ++f)
      for (Index i = first; i < std::min(first + block, x.n_samples); ++i)
        data_[static_cast<std::size_t>(f * stride_ + i)] = x.row(i)[f];
}

namespace {

void to_distances(const Metric& metric, double* values, Index n) {
  if (metric.half_square) {
    for (Index i = 0; i < n; ++i) values[i] /= 2;
  } else if (metric.norm == Norm::sq_euclidean) {
    for (Index i = 0; i < n; ++i) values[i] = std::sqrt(values[i]);
  } else if (metric.norm == Norm::minkowski) {
    for (Index i = 0; i < n; ++i) values[i] = std::pow(values[i], 1 / metric.p);
  }
}

}  // namespace

void distances_to(const Metric& metric, const FeatureMajor& columns, Points<const double> x, Index i, Index begin,
                  Index end, double* distances) {
  distances_between(metric, columns, x, i, i + 1, begin, end, distances, 0);
}

void distances_between(const Metric& metric, const FeatureMajor& columns, Points<const double> x, Index first,
                       Index last, Index begin, Index end, double* out, Index stride) {
  const Columns all = columns.columns();
  if (last - first < rows_that_pay_a_copy) {
    point_kernels().sums(metric.norm, metric.p, all, x.row(first), last - first, begin, end, out, stride);
  } else {
    std::vector<double> strip(static_cast<std::size_t>(all.n_features * strip_width));
    for (Index from = begin; from < end; from += strip_width) {
      const Index width = std::min(strip_width, end - from);
      for (Index f = 0; f < all.n_features; ++f)
        std::copy_n(all.columns + f * all.stride + from, width, strip.data() + f * strip_width);
      point_kernels().sums(metric.norm, metric.p, {strip.data(), strip_width, all.n_features}, x.row(first),
                           last - first, 0, width, out + from - begin, stride);
    }
  }
  for (Index i = first; i < last; ++i) to_distances(metric, out + (i - first) * stride, end - begin);
}

template <class T>
void Triangle<T>::Free::operator()(T* p) const {
  ::operator delete(p, std::align_val_t{bytes >= 4 * large_page ? large_page : 64});
}

template <class T>
Triangle<T>::Triangle(Index n)
    : n_(n), data_(static_cast<T*>(allocate(bytes_of(n, sizeof(T)))), Free{bytes_of(n, sizeof(T))}) {
  shrink(n);  // what is read beyond the last value is a number
}

template <class T>
Triangle<T>::Triangle(const Metric& metric, Points<const double> x, Run& run) : Triangle(x.n_samples) {
  const FeatureMajor columns(x);
  const parallel::Blocks blocks{n_, rows_at_once};
  const double work = 0.1 * static_cast<double>(n_) * static_cast<double>(n_) * static_cast<double>(x.n_features);
  std::atomic<Index> done{0};
  parallel::for_blocks(blocks, run, work, [&](Index b, int thread) {
    const Index first = blocks.begin(b);
    const Index last = blocks.end(b);
    std::vector<double> block(static_cast<std::size_t>(rows_at_once * columns_at_once));
    for (Index begin = first; begin < n_ && !run.interrupted(thread); begin += columns_at_once) {
      const Index end = std::min(n_, begin + columns_at_once);
      distances_between(metric, columns, x, first, last, begin, end, block.data(), columns_at_once);
      for (Index i = first; i < last; ++i) {
        const Index from = std::max(begin, i + 1);
        if (from >= end) continue;
        const double* values = block.data() + (i - first) * columns_at_once - begin;
        std::copy(values + from, values + end, row(i) + from);
      }
    }
    const Index finished = done.fetch_add(1, std::memory_order_relaxed) + 1;
    if (thread == 0) run.progress("distances", static_cast<double>(finished), static_cast<double>(blocks.count()));
  });
}

template <class T>
template <class S>
Triangle<T>::Triangle(std::span<const S> condensed, Index n, Run& run) : Triangle(n) {
  const parallel::Blocks blocks = parallel::blocks_of(static_cast<Index>(condensed.size()), sizeof(S), 1 << 20);
  parallel::for_blocks(blocks, run, static_cast<double>(condensed.size()), [&](Index b, int) {
    std::copy(condensed.data() + blocks.begin(b), condensed.data() + blocks.end(b), data_.get() + blocks.begin(b));
  });
}

template <class T>
void Triangle<T>::keep(std::span<const std::int32_t> kept, Run& run) {
  // ascending, so that nothing is overwritten before it is read
  const auto m = static_cast<Index>(kept.size());
  T* to = data_.get();
  for (Index a = 0; a < m; ++a) {
    if (a % 64 == 0) run.checkpoint();
    const T* from = row(kept[static_cast<std::size_t>(a)]);
    for (Index b = a + 1; b < m; ++b) *to++ = from[kept[static_cast<std::size_t>(b)]];
  }
  shrink(m);
}

template <class T>
void Triangle<T>::weigh_for_ward(Weights<double> weight, Run& run) {
  for (Index i = 0; i < n_; ++i) {
    run.checkpoint();
    T* own = row(i);
    for (Index j = i + 1; j < n_; ++j)
      own[j] = static_cast<T>(static_cast<double>(own[j]) * ward_factor(weight[i], weight[j]));
  }
}

template <class T>
void Triangle<T>::shrink(Index m) {
  n_ = m;
  std::fill_n(data_.get() + m * (m - 1) / 2, 64 / sizeof(T), T{0});
}

template class Triangle<float>;
template class Triangle<double>;
#define SHOAL_INSTANTIATE(T, S) template Triangle<T>::Triangle(std::span<const S>, Index, Run&);
SHOAL_INSTANTIATE(float, float)
SHOAL_INSTANTIATE(float, double)
SHOAL_INSTANTIATE(double, float)
SHOAL_INSTANTIATE(double, double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::hierarchy
