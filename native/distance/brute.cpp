#include "distance/brute.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "distance/unit.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::distance {
namespace {

using parallel::Blocks;
using parallel::blocks_of;
using parallel::for_blocks;

// Rows of y packed at a time where each query keeps a running result: 4096 rows stay in the second-level cache
// for moderate widths, and the packing is a small part of the work.
constexpr Index chunk_rows = 4096;

// What the form's value is as a distance of the metric, and back.
template <class T>
T to_distance(Metric metric, T value) {
  if (metric == Metric::euclidean) return std::sqrt(value);
  if (metric == Metric::cosine) return value / 2;
  return value;
}
template <class T>
T to_form(Metric metric, T radius) {
  if (metric == Metric::euclidean) return radius * radius;
  if (metric == Metric::cosine) return radius * 2;
  return radius;
}

// Work of n_x n_y d steps in rough nanoseconds.
double work(Index n_x, Index n_y, Index d) {
  return 0.05 * static_cast<double>(n_x) * static_cast<double>(n_y) * static_cast<double>(d + 2);
}

// What the tile sees of one side: the rows themselves, or for cosine a copy scaled to unit length. Rows of zeros
// then get a direction of their own, one feature that all others have at zero: they are at distance 1 from all
// others and 0 from each other.
template <class T>
class Side {
 public:
  Side(Metric metric, Points<const T> x, bool extra, Run& run) : rows_(x) {
    if (metric != Metric::cosine) return;
    const Index d = x.n_features + (extra ? 1 : 0);
    copy_.resize(static_cast<std::size_t>(x.n_samples * d));
    const Blocks blocks = blocks_of(x.n_samples, static_cast<std::size_t>(d) * sizeof(T));
    for_blocks(blocks, run, 2.0 * static_cast<double>(x.size()), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
        T* out = copy_.data() + i * d;
        const bool has_direction = scale_to_unit(x.row(i), nullptr, x.n_features, out);
        if (extra) out[d - 1] = has_direction ? T{0} : T{1};
      }
    });
    rows_ = {copy_.data(), x.n_samples, d};
  }
  Points<const T> rows() const { return rows_; }

 private:
  std::vector<T> copy_;
  Points<const T> rows_;
};

template <class T>
struct Sides {
  bool extra;
  Side<T> x, y;

  Sides(Metric metric, Points<const T> x_rows, Points<const T> y_rows, Run& run)
      : extra(metric == Metric::cosine && (has_zero_row(x_rows) || has_zero_row(y_rows))),
        x(metric, x_rows, extra, run),
        y(metric, y_rows, extra, run) {}
};

template <class T>
std::vector<AlignedVector<T>> scratch_per_thread(Index n_features) {
  const auto size = static_cast<std::size_t>(tile<T>().scratch_size(n_features));
  std::vector<AlignedVector<T>> scratch(static_cast<std::size_t>(parallel::n_threads()));
  for (auto& own : scratch) own.resize(size);
  return scratch;
}

Blocks query_blocks(Index n, Index d, std::size_t item) {
  return blocks_of(n, static_cast<std::size_t>(d) * item, std::size_t{1} << 16, 64);
}

}  // namespace

Form form_of(Metric metric) {
  switch (metric) {
    case Metric::manhattan:
      return Form::manhattan;
    case Metric::chebyshev:
      return Form::chebyshev;
    default:
      return Form::sq_euclidean;
  }
}

Metric metric_from_name(std::string_view name) {
  if (name == "euclidean") return Metric::euclidean;
  if (name == "sqeuclidean") return Metric::sq_euclidean;
  if (name == "cosine") return Metric::cosine;
  if (name == "manhattan") return Metric::manhattan;
  if (name == "chebyshev") return Metric::chebyshev;
  throw std::invalid_argument("unknown metric '" + std::string(name) + "'");
}

template <class T>
void nearest(Points<const T> x, Points<const T> y, const T* origin, std::span<std::int32_t> label, std::span<T> sq_dist,
             Run& run) {
  const PackedRows<T> rows = pack_rows(Form::expanded, y, origin);
  const Blocks blocks = query_blocks(x.n_samples, x.n_features, sizeof(T));
  auto scratch = scratch_per_thread<T>(x.n_features);
  const Samples<T> all = samples(x, origin);
  for_blocks(blocks, run, work(x.n_samples, y.n_samples, x.n_features), [&](Index b, int thread) {
    const Index begin = blocks.begin(b);
    const Index end = blocks.end(b);
    std::vector<T> value(static_cast<std::size_t>(end - begin));
    tile<T>().nearest(all.slice(begin, end), rows, label.data() + begin, value.data(), nullptr,
                      scratch[static_cast<std::size_t>(thread)].data());
    if (sq_dist.empty()) return;
    for (Index i = begin; i < end; ++i) {
      const T* other = y.row(label[static_cast<std::size_t>(i)]);
      sq_dist[static_cast<std::size_t>(i)] = tile<T>().sq_dist(x.row(i), other, x.n_features);
    }
  });
}

template <class T>
void pairwise(Metric metric, Points<const T> x, Points<const T> y, T* out, Run& run) {
  const Sides<T> sides(metric, x, y, run);
  const Points<const T> from = sides.x.rows();
  const Points<const T> to = sides.y.rows();
  const Form form = form_of(metric);
  const Blocks blocks = query_blocks(x.n_samples, from.n_features, sizeof(T));
  auto scratch = scratch_per_thread<T>(from.n_features);
  for_blocks(blocks, run, work(x.n_samples, y.n_samples, x.n_features), [&](Index b, int thread) {
    const Index begin = blocks.begin(b);
    const Index end = blocks.end(b);
    const PackedRows<T> rows = pack_rows(form, from.slice(begin, end));
    T* block_out = out + begin * y.n_samples;
    tile<T>().pairwise(form, samples(to), rows, block_out, y.n_samples,
                       scratch[static_cast<std::size_t>(thread)].data());
    for (T* p = block_out; p != out + end * y.n_samples; ++p) *p = to_distance(metric, *p);
  });
}

// Calls body(rows, first row, block begin, block end, scratch) for chunks of y in turn, blocks of x in parallel.
template <class T, class Body>
static void for_chunks(Form form, Points<const T> x, Points<const T> y, Run& run, Body&& body) {
  const Blocks blocks = query_blocks(x.n_samples, x.n_features, sizeof(T));
  auto scratch = scratch_per_thread<T>(x.n_features);
  for (Index first = 0; first < y.n_samples; first += chunk_rows) {
    const Index last = std::min(y.n_samples, first + chunk_rows);
    const PackedRows<T> rows = pack_rows(form, y.slice(first, last));
    for_blocks(blocks, run, work(x.n_samples, last - first, x.n_features), [&](Index b, int thread) {
      body(rows, first, blocks.begin(b), blocks.end(b), scratch[static_cast<std::size_t>(thread)].data());
    });
  }
}

template <class T>
void count_within(Metric metric, Points<const T> x, Points<const T> y, Weights<T> weight, T radius,
                  std::span<double> count, Run& run) {
  const Sides<T> sides(metric, x, y, run);
  const Points<const T> from = sides.x.rows();
  const Points<const T> to = sides.y.rows();
  const Form form = form_of(metric);
  std::fill(count.begin(), count.end(), 0.0);
  for_chunks<T>(form, from, to, run, [&](const PackedRows<T>& rows, Index first, Index begin, Index end, T* scratch) {
    tile<T>().count_within(form, samples(from).slice(begin, end), rows, to_form(metric, radius),
                           weight ? weight.data + first : nullptr, count.data() + begin, scratch);
  });
}

template <class T>
void k_nearest(Metric metric, Points<const T> x, Points<const T> y, Index k, T* distances, std::int32_t* indices,
               Run& run) {
  const Sides<T> sides(metric, x, y, run);
  const Points<const T> from = sides.x.rows();
  const Points<const T> to = sides.y.rows();
  const Form form = form_of(metric);
  std::fill(distances, distances + x.n_samples * k, std::numeric_limits<T>::infinity());
  std::fill(indices, indices + x.n_samples * k, -1);
  for_chunks<T>(form, from, to, run, [&](const PackedRows<T>& rows, Index first, Index begin, Index end, T* scratch) {
    tile<T>().k_smallest(form, samples(from).slice(begin, end), rows, static_cast<std::int32_t>(first), k,
                         distances + begin * k, indices + begin * k, scratch);
  });
  for (T* p = distances; p != distances + x.n_samples * k; ++p) *p = to_distance(metric, *p);
}

#define SHOAL_INSTANTIATE(T)                                                                                      \
  template void nearest(Points<const T>, Points<const T>, const T*, std::span<std::int32_t>, std::span<T>, Run&); \
  template void pairwise(Metric, Points<const T>, Points<const T>, T*, Run&);                                     \
  template void count_within(Metric, Points<const T>, Points<const T>, Weights<T>, T, std::span<double>, Run&);   \
  template void k_nearest(Metric, Points<const T>, Points<const T>, Index, T*, std::int32_t*, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::distance
