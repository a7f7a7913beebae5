#include "neighbors/tiles.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <numeric>

#include "neighbors/scan.hpp"

namespace shoal::neighbors {

template <>
const ScanKernels<float>& scan_kernels<float>() {
  return SHOAL_PICK_TABLE(scan_f32);
}
template <>
const ScanKernels<double>& scan_kernels<double>() {
  return SHOAL_PICK_TABLE(scan_f64);
}

namespace {

using distance::Form;
using parallel::Blocks;
using parallel::for_blocks;

constexpr Index padding = 16;  // lanes that a vector may read beyond a block
constexpr Index stride = block_rows + padding;
constexpr Index rows_per_scan = 16;

bool is_expanded(Norm norm) {
  return norm == Norm::euclidean || norm == Norm::cosine;
}
// What a scan computes first.
Form scan_form(Norm norm) {
  const Form form = form_of(norm);
  return form == Form::sq_euclidean ? Form::expanded : form;
}

template <class T>
std::vector<T> mean_row(Points<const T> x) {
  std::vector<double> sum(static_cast<std::size_t>(x.n_features), 0.0);
  for (Index i = 0; i < x.n_samples; ++i)
    for (Index f = 0; f < x.n_features; ++f) sum[static_cast<std::size_t>(f)] += static_cast<double>(x.row(i)[f]);
  std::vector<T> mean(sum.size());
  for (std::size_t f = 0; f < sum.size(); ++f) mean[f] = static_cast<T>(sum[f] / static_cast<double>(x.n_samples));
  return mean;
}

// Where to cut rows sorted along a line: in a gap that sets groups apart, else in the middle, into whole blocks.
Index cut_of(const std::vector<std::pair<double, std::int32_t>>& along) {
  const auto n = static_cast<Index>(along.size());
  const auto at = [&](Index i) { return along[static_cast<std::size_t>(i)].first; };
  Index widest = n / 2;
  for (Index i = n / 8 + 1; i <= n - n / 8; ++i)
    if (i < n && at(i) - at(i - 1) > at(widest) - at(widest - 1)) widest = i;
  const bool is_gap = at(widest) - at(widest - 1) > 0.04 * (at(n - 1) - at(0));
  return is_gap ? widest : (n / 2 + block_rows - 1) / block_rows * block_rows;
}

// Halves order[begin, end) along the line between two far rows until a half is one block.
template <class T>
void halve(const Space<T>& space, std::vector<std::int32_t>& order, std::vector<Index>& cuts, Run& run) {
  struct Part {
    Index begin, end;
  };
  const Points<const T> x = space.rows();
  const Index d = x.n_features;
  std::vector<Part> todo{{0, x.n_samples}};
  std::vector<std::pair<double, std::int32_t>> along;
  std::vector<double> direction(static_cast<std::size_t>(d));
  while (!todo.empty()) {
    const Part part = todo.back();
    todo.pop_back();
    const Index n = part.end - part.begin;
    if (n <= block_rows) {
      cuts.push_back(part.begin);
      continue;
    }
    run.checkpoint();
    const auto first = order.begin() + part.begin;
    const auto farthest_from = [&](std::int32_t from) {
      std::int32_t best = from;
      double most = -1;
      // a thousand rows are enough to find two that lie far apart
      const Index step = std::max<Index>(1, n / 1024);
      for (Index i = 0; i < n; i += step) {
        const double sum = space.sum(x.row(first[i]), x.row(from));
        if (sum > most) most = sum, best = first[i];
      }
      return best;
    };
    const std::int32_t a = farthest_from(*first);
    const std::int32_t b = farthest_from(a);
    for (Index f = 0; f < d; ++f)
      direction[static_cast<std::size_t>(f)] = static_cast<double>(x.row(b)[f]) - static_cast<double>(x.row(a)[f]);
    along.resize(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      const T* row = x.row(first[i]);
      double part_sum[4] = {0, 0, 0, 0};
      for (Index f = 0; f < d; ++f)
        part_sum[f & 3] += static_cast<double>(row[f]) * direction[static_cast<std::size_t>(f)];
      along[static_cast<std::size_t>(i)] = {(part_sum[0] + part_sum[1]) + (part_sum[2] + part_sum[3]), first[i]};
    }
    std::sort(along.begin(), along.end());
    const Index half = cut_of(along);
    for (Index i = 0; i < n; ++i) first[i] = along[static_cast<std::size_t>(i)].second;
    todo.push_back({part.begin + half, part.end});
    todo.push_back({part.begin, part.begin + half});
  }
}

}  // namespace

template <class T>
BlockedRows<T>::BlockedRows(const Space<T>& space, std::vector<std::int32_t> order, std::vector<T> origin, Run& run)
    : space_(&space), order_(std::move(order)), origin_(std::move(origin)) {
  const Index length = parallel::forced_block_length() > 0 ? parallel::forced_block_length() : block_rows;
  const Index step = std::min(length, block_rows);
  for (Index at = 0; at < n(); at += step) begin_.push_back(at);
  begin_.push_back(n());
  fill(run);
}

template <class T>
BlockedRows<T>::BlockedRows(const Space<T>& space, std::vector<std::int32_t> order, std::vector<Index> cuts,
                            std::vector<T> origin, Run& run)
    : space_(&space), order_(std::move(order)), begin_(std::move(cuts)), origin_(std::move(origin)) {
  if (is_expanded(space.norm()) && origin_.empty()) origin_ = mean_row(space.rows());
  fill(run);
}

template <class T>
BlockedRows<T>::BlockedRows(const Space<T>& space, Run& run, std::vector<T> origin)
    : space_(&space), order_(static_cast<std::size_t>(space.rows().n_samples)), origin_(std::move(origin)) {
  std::iota(order_.begin(), order_.end(), 0);
  if (is_expanded(space.norm()) && origin_.empty()) origin_ = mean_row(space.rows());
  halve(space, order_, begin_, run);
  std::sort(begin_.begin(), begin_.end());
  begin_.push_back(n());
  fill(run);
}

template <class T>
void BlockedRows<T>::fill(Run& run) {
  const Index d = space_->rows().n_features;
  const auto width = static_cast<std::size_t>(d);
  const bool expanded = is_expanded(space_->norm());
  copy_.resize(static_cast<std::size_t>(n()) * width);
  shift_.assign(static_cast<std::size_t>(n()), T{0});
  packed_.resize(static_cast<std::size_t>(count()));
  sq_norm_.assign(static_cast<std::size_t>(count()), 0.0);
  radius_.assign(static_cast<std::size_t>(count()), 0.0);
  centre_.assign(static_cast<std::size_t>(count()) * width, 0.0);
  for_blocks(Blocks{count(), 1}, run, 4.0 * static_cast<double>(n() * d), [&](Index b, int) {
    double* c = centre_.data() + static_cast<std::size_t>(b) * width;
    for (Index at = begin(b); at < end(b); ++at) {
      const T* from = data(at);
      T* to = copy_.data() + static_cast<std::size_t>(at) * width;
      double sq_norm = 0;
      for (Index f = 0; f < d; ++f) {
        c[f] += static_cast<double>(from[f]);
        to[f] = expanded ? from[f] - origin_[static_cast<std::size_t>(f)] : from[f];
        sq_norm += static_cast<double>(to[f]) * static_cast<double>(to[f]);
      }
      if (expanded) shift_[static_cast<std::size_t>(at)] = static_cast<T>(sq_norm / 2);
      sq_norm_[static_cast<std::size_t>(b)] = std::max(sq_norm_[static_cast<std::size_t>(b)], sq_norm);
    }
    for (Index f = 0; f < d; ++f) c[f] /= static_cast<double>(size(b));
    double radius = 0;
    for (Index at = begin(b); at < end(b); ++at) radius = std::max(radius, space_->sum(data(at), c));
    radius_[static_cast<std::size_t>(b)] = space_->length(radius);
    if (space_->norm() != Norm::minkowski)
      packed_[static_cast<std::size_t>(b)] = distance::pack_rows<T>(
          scan_form(space_->norm()),
          Points<const T>{copy_.data() + static_cast<std::size_t>(begin(b)) * width, size(b), d});
  });
}

template <class T>
double least_length(const BlockedRows<T>& x, Index a, const BlockedRows<T>& y, Index b) {
  const Space<T>& space = x.space();
  // the rounding of three sums over the features
  const double slack =
      4 * std::numeric_limits<double>::epsilon() * static_cast<double>(x.space().rows().n_features + 16);
  const double apart = space.length(space.sum(x.centre(a).data(), y.centre(b).data()));
  return apart * (1 - slack) - (x.radius(a) + y.radius(b)) * (1 + slack);
}

template <class T>
bool are_apart(const BlockedRows<T>& x, Index a, const BlockedRows<T>& y, Index b, double distance) {
  const Space<T>& space = x.space();
  if (!is_expanded(space.norm())) return false;
  const Index d = space.rows().n_features;
  const double wanted = space.length(space.to_sum(distance));
  const double apart = std::sqrt(space.sum(x.centre(a).data(), y.centre(b).data()));
  if (!(apart > wanted)) return false;
  std::vector<T> line(static_cast<std::size_t>(d));
  for (std::size_t f = 0; f < line.size(); ++f) line[f] = static_cast<T>((y.centre(b)[f] - x.centre(a)[f]) / apart);
  double length = 0;
  for (const T value : line) length += static_cast<double>(value) * static_cast<double>(value);
  length = std::sqrt(length);
  const auto along = [&](const T* row) {
    T part[8] = {};
    Index f = 0;
    for (; f + 8 <= d; f += 8)
      for (int i = 0; i < 8; ++i) part[i] += row[f + i] * line[static_cast<std::size_t>(f + i)];
    for (; f < d; ++f) part[f & 7] += row[f] * line[static_cast<std::size_t>(f)];
    return static_cast<double>((part[0] + part[1]) + (part[2] + part[3]) + (part[4] + part[5]) + (part[6] + part[7]));
  };
  double last = -std::numeric_limits<double>::infinity();
  double first = std::numeric_limits<double>::infinity();
  for (Index at = x.begin(a); at < x.end(a); ++at) last = std::max(last, along(x.copy_.data() + at * d));
  const double norms =
      std::sqrt(x.sq_norm_[static_cast<std::size_t>(a)]) + std::sqrt(y.sq_norm_[static_cast<std::size_t>(b)]);
  const double error = static_cast<double>(d + 16) * static_cast<double>(std::numeric_limits<T>::epsilon()) * norms;
  for (Index at = y.begin(b); at < y.end(b); ++at) {
    first = std::min(first, along(y.copy_.data() + at * d));
    if (!(first - last - error > wanted * length * (1 + 1e-12))) return false;
  }
  return true;
}

template <class T>
PairTile<T>::PairTile(const BlockedRows<T>& lanes, const BlockedRows<T>& rows)
    : lanes_(&lanes), rows_(&rows), form_(scan_form(lanes.space().norm())) {
  values_.assign(static_cast<std::size_t>(block_rows * stride), T{0});
  scratch_.resize(static_cast<std::size_t>(distance::tile<T>().scratch_size(lanes.space().rows().n_features)));
  shift_.assign(static_cast<std::size_t>(stride), T{0});
  bound_.assign(static_cast<std::size_t>(stride), -std::numeric_limits<T>::infinity());
  row_bound_.assign(static_cast<std::size_t>(block_rows), -std::numeric_limits<T>::infinity());
  hits_.resize(static_cast<std::size_t>(block_rows * block_rows));
}

template <class T>
void PairTile<T>::load(Index a, Index b) {
  const Space<T>& space = lanes_->space();
  const Index d = space.rows().n_features;
  n_lanes_ = lanes_->size(a);
  const T* lane_data = lanes_->copy_.data() + lanes_->begin(a) * d;
  if (space.norm() == Norm::minkowski) {
    const T* row_data = rows_->copy_.data() + rows_->begin(b) * d;
    for (Index j = 0; j < rows_->size(b); ++j)
      for (Index i = 0; i < n_lanes_; ++i)
        values_[static_cast<std::size_t>(j * stride + i)] =
            static_cast<T>(space.sum(lane_data + i * d, row_data + j * d));
  } else {
    distance::tile<T>().pairwise(form_, distance::samples(Points<const T>{lane_data, n_lanes_, d}),
                                 rows_->packed_[static_cast<std::size_t>(b)], values_.data(), stride, scratch_.data());
  }
  std::copy_n(lanes_->shift_.begin() + lanes_->begin(a), n_lanes_, shift_.begin());
  constexpr double eps = std::numeric_limits<T>::epsilon();
  error_ = 0;
  if (is_expanded(space.norm()))
    error_ = static_cast<double>(d + 16) *
             (eps * (lanes_->sq_norm_[static_cast<std::size_t>(a)] + rows_->sq_norm_[static_cast<std::size_t>(b)]) +
              static_cast<double>(std::numeric_limits<T>::min()));
}

// The tile's value of a pair within `distance` is at most this.
template <class T>
T PairTile<T>::bound_of(double distance) const {
  if (distance < 0) return -std::numeric_limits<T>::infinity();
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const Space<T>& space = lanes_->space();
  const double sum = space.to_sum(distance);
  if (is_expanded(space.norm())) return static_cast<T>(sum / 2 * (1 + 16 * eps) + error_);
  return static_cast<T>(sum * (1 + static_cast<double>(space.rows().n_features + 16) * eps) +
                        static_cast<double>(std::numeric_limits<T>::min()));
}

template <class T>
std::span<const std::uint32_t> PairTile<T>::scan(Index begin, Index end) {
  const Index count = scan_kernels<T>().scan(values_.data() + begin * stride, stride, end - begin, n_lanes_,
                                             shift_.data(), bound_.data(), row_bound_.data() + begin, hits_.data());
  for (Index h = 0; h < count; ++h) hits_[static_cast<std::size_t>(h)] += static_cast<std::uint32_t>(begin << 16);
  return {hits_.data(), static_cast<std::size_t>(count)};
}

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// A row's k nearest so far: a heap with the farthest in front.
void offer(Near<double>* heap, Index k, Near<double> found) {
  if (!(found < heap[0])) return;
  std::pop_heap(heap, heap + k);
  heap[k - 1] = found;
  std::push_heap(heap, heap + k);
}

double work_of(Index pairs_of, Index with, Index d) {
  return 0.05 * static_cast<double>(pairs_of) * static_cast<double>(with) * static_cast<double>(d + 2);
}

template <class T>
std::vector<PairTile<T>> tiles_for(const BlockedRows<T>& x, const BlockedRows<T>& y) {
  return {static_cast<std::size_t>(std::min<Index>(parallel::n_threads(), x.count())), PairTile<T>(x, y)};
}

}  // namespace

template <class T>
void k_nearest(const BlockedRows<T>& x, const BlockedRows<T>& y, Index k, std::span<Near<double>> near, Run& run) {
  const Space<T>& space = x.space();
  std::fill(near.begin(), near.end(), Near<double>{inf, std::numeric_limits<std::int32_t>::max()});
  auto tiles = tiles_for(x, y);
  const double work = work_of(x.n(), y.n(), space.rows().n_features);
  for_blocks(Blocks{x.count(), 1}, run, work, [&](Index a, int thread) {
    PairTile<T>& tile = tiles[static_cast<std::size_t>(thread)];
    std::vector<std::pair<double, Index>> visits(static_cast<std::size_t>(y.count()));
    for (Index b = 0; b < y.count(); ++b) visits[static_cast<std::size_t>(b)] = {least_length(x, a, y, b), b};
    std::sort(visits.begin(), visits.end());
    const auto list = [&](Index i) { return near.data() + x.row(x.begin(a) + i) * k; };
    double farthest = inf;
    for (const auto& [least, b] : visits) {
      if (thread == 0) run.tick();
      if (run.stopped()) throw Interrupted{};
      if (farthest < inf) {
        if (least > space.length(space.to_sum(farthest)) * (1 + 1e-12)) break;
        if (are_apart(x, a, y, b, farthest)) continue;
      }
      tile.load(a, b);
      for (Index i = 0; i < x.size(a); ++i) tile.want_lane(i, list(i)[0].distance);
      for (Index begin = 0; begin < y.size(b); begin += rows_per_scan) {
        for (const std::uint32_t hit : tile.scan(begin, std::min(y.size(b), begin + rows_per_scan))) {
          const Index i = static_cast<Index>(hit & 0xffff);
          const Index at = y.begin(b) + static_cast<Index>(hit >> 16);
          offer(list(i), k, {space.distance(x.data(x.begin(a) + i), y.data(at)), y.row(at)});
          tile.want_lane(i, list(i)[0].distance);
        }
      }
      farthest = 0;
      for (Index i = 0; i < x.size(a); ++i) farthest = std::max(farthest, list(i)[0].distance);
    }
    for (Index i = 0; i < x.size(a); ++i) std::sort_heap(list(i), list(i) + k);
  });
}

// A pair of blocks changes the lists of both, under the locks of both. Which pairs are left out, and in which order
// lists fill, depends on the threads; the k nearest do not.
template <class T>
void k_nearest_others(const BlockedRows<T>& x, Index k, std::span<Near<double>> near, Run& run) {
  const Space<T>& space = x.space();
  const auto count = static_cast<std::size_t>(x.count());
  std::fill(near.begin(), near.end(), Near<double>{inf, std::numeric_limits<std::int32_t>::max()});
  auto tiles = tiles_for(x, x);
  std::vector<std::mutex> locks(count);
  std::vector<std::atomic<double>> farthest(count);  // of a block: what its lists still let in
  const auto list = [&](Index at) { return near.data() + x.row(at) * k; };
  const auto update_farthest = [&](Index a) {
    double most = 0;
    for (Index at = x.begin(a); at < x.end(a); ++at) most = std::max(most, list(at)[0].distance);
    farthest[static_cast<std::size_t>(a)].store(most, std::memory_order_relaxed);
  };
  // block a in the lanes, b in the rows, a <= b
  const auto meet = [&](Index a, Index b, PairTile<T>& tile) {
    tile.load(a, b);
    std::unique_lock<std::mutex> first(locks[static_cast<std::size_t>(a)]);
    std::unique_lock<std::mutex> second;
    if (a != b) second = std::unique_lock<std::mutex>(locks[static_cast<std::size_t>(b)]);
    for (Index i = 0; i < x.size(a); ++i) tile.want_lane(i, list(x.begin(a) + i)[0].distance);
    for (Index j = 0; j < x.size(b); ++j) tile.want_row(j, a == b ? -1.0 : list(x.begin(b) + j)[0].distance);
    for (Index begin = 0; begin < x.size(b); begin += rows_per_scan) {
      for (const std::uint32_t hit : tile.scan(begin, std::min(x.size(b), begin + rows_per_scan))) {
        const Index i = static_cast<Index>(hit & 0xffff);
        const Index j = static_cast<Index>(hit >> 16);
        const Index p = x.begin(a) + i;
        const Index q = x.begin(b) + j;
        if (p == q) continue;
        const double distance = space.distance(x.data(p), x.data(q));
        offer(list(p), k, {distance, x.row(q)});
        tile.want_lane(i, list(p)[0].distance);
        if (a == b) continue;  // q takes p when it is the lane
        offer(list(q), k, {distance, x.row(p)});
        tile.want_row(j, list(q)[0].distance);
      }
    }
    update_farthest(a);
    if (a != b) update_farthest(b);
  };
  const double work = work_of(x.n(), x.n(), space.rows().n_features);
  for_blocks(Blocks{x.count(), 1}, run, work / static_cast<double>(count),
             [&](Index a, int thread) { meet(a, a, tiles[static_cast<std::size_t>(thread)]); });
  std::atomic<Index> done{0};
  for_blocks(Blocks{x.count(), 1}, run, work, [&](Index a, int thread) {
    std::vector<std::pair<double, Index>> visits;
    for (Index b = a + 1; b < x.count(); ++b) visits.emplace_back(least_length(x, a, x, b), b);
    std::sort(visits.begin(), visits.end());
    for (const auto& [least, b] : visits) {
      if (thread == 0) run.tick();
      if (run.stopped()) throw Interrupted{};
      const double most = std::max(farthest[static_cast<std::size_t>(a)].load(std::memory_order_relaxed),
                                   farthest[static_cast<std::size_t>(b)].load(std::memory_order_relaxed));
      if (most < inf && (least > space.length(space.to_sum(most)) * (1 + 1e-12) || are_apart(x, a, x, b, most)))
        continue;
      meet(a, b, tiles[static_cast<std::size_t>(thread)]);
    }
    const Index finished = done.fetch_add(1, std::memory_order_relaxed) + 1;
    if (thread == 0) run.progress("neighbours", static_cast<double>(finished), static_cast<double>(x.count()));
  });
  for (Index at = 0; at < x.n(); ++at) std::sort_heap(list(at), list(at) + k);
}

#define SHOAL_INSTANTIATE(T)                                                                                   \
  template class BlockedRows<T>;                                                                               \
  template class PairTile<T>;                                                                                  \
  template double least_length(const BlockedRows<T>&, Index, const BlockedRows<T>&, Index);                    \
  template bool are_apart(const BlockedRows<T>&, Index, const BlockedRows<T>&, Index, double);                 \
  template void k_nearest(const BlockedRows<T>&, const BlockedRows<T>&, Index, std::span<Near<double>>, Run&); \
  template void k_nearest_others(const BlockedRows<T>&, Index, std::span<Near<double>>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::neighbors
