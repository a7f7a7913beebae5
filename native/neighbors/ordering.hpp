// The order of a tree's points.
//
// Halving: ranges are halved at the median of the widest side until they are one leaf long.
// Tiles: sort-tile-recursive (S. T. Leutenegger, M. A. Lopez, J. Edgington, "STR: a simple and efficient algorithm for
// R-tree packing", ICDE 1997), from the root down as T. Lee and S. Lee ("OMT: overlap minimizing top-down bulk loading
// algorithm for R-tree", CAiSE 2003): the c children of a node stand in about sqrt(c) slabs across the widest side, and
// every slab is cut across its own widest side. Where a sort would do, selection of the cuts does.
//
// Leaves are full but for the last, so a range is cut at a multiple of leaf_size near its middle. Points are compared
// by (value, row): the sets in the halves depend on the data alone, and rows ascend within a leaf at the end.
// Cost: O(n log n), about 1.6 comparisons per point and level; memory, up to max_moved features, twice the points.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "neighbors/kd_tree.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {

/// Up to this many features points are moved about; beyond, the rows and one value of each.
inline constexpr int max_moved = 4;

/// A point on the move: D features, or when D is 0 the one by which its range is halved.
template <class T, int D>
struct Moved {
  T value[D ? D : 1];
  std::int32_t row;
};

/// Puts the m least by (value[feature], row) in front. Scratch has room for as many.
template <class T, int D>
void put_least_in_front(std::span<Moved<T, D>> all, std::size_t m, int feature, Moved<T, D>* scratch) {
  using Point = Moved<T, D>;
  const auto before = [feature](const Point& a, const Point& b) {
    return (a.value[feature] < b.value[feature]) | ((a.value[feature] == b.value[feature]) & (a.row < b.row));
  };
  constexpr std::size_t short_enough = 48;
  constexpr std::size_t n_drawn = 33;
  constexpr std::size_t margin = 3;  // of the drawn: about as far as the rank of one of them may be off
  std::size_t begin = 0;
  std::size_t end = all.size();
  // a range that does not shrink (data made to fool the draws) is left to the library
  for (int rounds = 0; end - begin > short_enough && rounds < 24; ++rounds) {
    if (m == begin || m == end) return;
    const std::size_t n = end - begin;
    Point drawn[n_drawn];
    for (std::size_t i = 0; i < n_drawn; ++i) drawn[i] = all[begin + (2 * i + 1) * n / (2 * n_drawn)];
    // a little beyond the place of m, on the side that leaves m in the smaller part
    std::size_t place = (m - begin) * n_drawn / n;
    if (m - begin < n - n / 2)
      place = std::min(place + margin, n_drawn - 1);
    else
      place = place > margin ? place - margin : 0;
    std::nth_element(drawn, drawn + place, drawn + n_drawn, before);
    const Point pivot = drawn[place];
    std::size_t left = 0;
    std::size_t right = n;  // of the part that is not before the pivot, from the back
    for (std::size_t i = begin; i < end; ++i) {
      // no branch: which way a point goes cannot be foretold
      const auto first = static_cast<std::size_t>(before(all[i], pivot));
      const std::size_t mask = 0 - first;
      right -= 1 - first;
      scratch[(left & mask) | (right & ~mask)] = all[i];
      left += first;
    }
    std::copy_n(scratch, n, all.begin() + static_cast<std::ptrdiff_t>(begin));
    if (m - begin <= left)
      end = begin + left;
    else
      begin += left;
  }
  if (m > begin && m < end)
    std::nth_element(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(m),
                     all.begin() + static_cast<std::ptrdiff_t>(end), before);
}

template <class T, int D>
class Ordering {
 public:
  using Point = Moved<T, D>;

  Ordering(Points<const T> x, Index leaf_size, Order order)
      : x_(x), leaf_size_(leaf_size), order_(order), points_(static_cast<std::size_t>(x.n_samples)) {}

  /// The rows in the tree's order.
  std::vector<std::int32_t> order(Run& run) {
    const Index n = x_.n_samples;
    for (Index i = 0; i < n; ++i) {
      Point& point = points_[static_cast<std::size_t>(i)];
      if constexpr (D > 0) std::copy_n(x_.row(i), D, point.value);
      point.row = static_cast<std::int32_t>(i);
    }
    Range all;
    all.end = (n + leaf_size_ - 1) / leaf_size_;
    while ((Index{fanout} << (3 * all.level)) < all.end) ++all.level;
    // ranges side by side until there are enough of them for any number of threads, then each of them to its end
    constexpr std::size_t enough = 512;
    std::vector<std::vector<Point>> scratch(static_cast<std::size_t>(parallel::n_threads()));
    std::vector<Range> ranges{all};
    const double work_per_round = 10.0 * static_cast<double>(n);
    for (bool more = true; more && ranges.size() < enough;) {
      std::vector<Range> halves(2 * ranges.size(), Range{});
      const parallel::Blocks blocks{static_cast<Index>(ranges.size()), 1};
      parallel::for_blocks(blocks, run, work_per_round, [&](Index b, int thread) {
        Range* out = halves.data() + 2 * b;
        const Range range = ranges[static_cast<std::size_t>(b)];
        if (!halve(range, out[0], out[1], scratch[static_cast<std::size_t>(thread)])) out[0] = range;
      });
      std::erase_if(halves, [](const Range& range) { return range.begin == range.end; });
      more = halves.size() > ranges.size();
      ranges = std::move(halves);
    }
    std::vector<std::int32_t> rows(points_.size());
    const parallel::Blocks blocks{static_cast<Index>(ranges.size()), 1};
    parallel::for_blocks(blocks, run, 5 * work_per_round, [&](Index b, int thread) {
      finish(ranges[static_cast<std::size_t>(b)], rows, scratch[static_cast<std::size_t>(thread)]);
    });
    return rows;
  }

 private:
  /// Leaves [begin, end), to be ordered into units of 8^level leaves and each of these further.
  struct Range {
    Index begin = 0;
    Index end = 0;
    int level = 0;
    Index slab = 0;     // tiles: being cut into pieces of so many units; 0: not yet
    Index feature = 0;  // across this side
  };

  // Halves the range in two, or returns false when it is one leaf.
  bool halve(Range range, Range& left, Range& right, std::vector<Point>& scratch) {
    const auto count_units = [&] {
      return (range.end - range.begin + (Index{1} << (3 * range.level)) - 1) >> (3 * range.level);
    };
    Index units;
    while ((units = count_units()) == 1) {
      if (range.level == 0) return false;
      --range.level;
      range.slab = 0;
    }
    const std::span<Point> points = points_of(range);
    if (scratch.size() < points.size()) scratch.resize(points.size());
    if (order_ == Order::halving || range.slab == 0 || (range.slab > 1 && units <= range.slab)) {
      range.feature = widest(points);
      const auto slabs = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(units))));
      range.slab = order_ == Order::halving || range.slab > 0 ? 1 : (units + slabs - 1) / slabs;
    }
    if constexpr (D == 0)
      for (Point& point : points) point.value[0] = x_.row(point.row)[range.feature];
    const Index piece = range.slab << (3 * range.level);  // in leaves
    const Index pieces = (range.end - range.begin + piece - 1) / piece;
    const Index half = (range.end - range.begin + piece) / (2 * piece);  // to the nearest
    const Index middle = range.begin + std::clamp<Index>(half, 1, pieces - 1) * piece;
    left = range;
    right = range;
    left.end = right.begin = middle;
    const int feature = D == 0 ? 0 : static_cast<int>(range.feature);
    put_least_in_front(points, static_cast<std::size_t>((middle - range.begin) * leaf_size_), feature, scratch.data());
    return true;
  }

  void finish(Range range, std::vector<std::int32_t>& rows, std::vector<Point>& scratch) {
    std::vector<Range> waiting{range};
    while (!waiting.empty()) {
      const Range next = waiting.back();
      waiting.pop_back();
      Range left, right;
      if (halve(next, left, right, scratch)) {
        waiting.push_back(left);
        waiting.push_back(right);
        continue;
      }
      std::int32_t* out = rows.data() + next.begin * leaf_size_;
      const std::span<Point> points = points_of(next);
      for (std::size_t i = 0; i < points.size(); ++i) out[i] = points[i].row;
      std::sort(out, out + points.size());
    }
  }

  std::span<Point> points_of(const Range& range) {
    const Index first = range.begin * leaf_size_;
    const Index last = std::min(range.end * leaf_size_, x_.n_samples);
    return {points_.data() + first, static_cast<std::size_t>(last - first)};
  }

  Index widest(std::span<const Point> points) const {
    if constexpr (D == 0) return widest_of_rows(points);
    T low[D ? D : 1], high[D ? D : 1];
    for (int f = 0; f < D; ++f) low[f] = high[f] = points[0].value[f];
    for (const Point& point : points)
      for (int f = 0; f < D; ++f) {
        low[f] = point.value[f] < low[f] ? point.value[f] : low[f];
        high[f] = point.value[f] > high[f] ? point.value[f] : high[f];
      }
    int best = 0;
    for (int f = 1; f < D; ++f)
      if (high[f] - low[f] > high[best] - low[best]) best = f;
    return best;
  }

  Index widest_of_rows(std::span<const Point> points) const {
    constexpr Index most = 256;
    T low[most], high[most];
    Index best = 0;
    T best_side = -1;
    for (Index first = 0; first < x_.n_features; first += most) {
      const Index n = std::min(most, x_.n_features - first);
      std::copy_n(x_.row(points[0].row) + first, n, low);
      std::copy_n(x_.row(points[0].row) + first, n, high);
      for (const Point& point : points) {
        const T* value = x_.row(point.row) + first;
        for (Index f = 0; f < n; ++f) {
          low[f] = value[f] < low[f] ? value[f] : low[f];
          high[f] = value[f] > high[f] ? value[f] : high[f];
        }
      }
      for (Index f = 0; f < n; ++f)
        if (high[f] - low[f] > best_side) {
          best_side = high[f] - low[f];
          best = first + f;
        }
    }
    return best;
  }

  Points<const T> x_;
  Index leaf_size_;
  Order order_;
  std::vector<Point> points_;
};

/// The rows of x in the order of a tree with such leaves.
template <class T>
std::vector<std::int32_t> tree_order(Points<const T> x, Index leaf_size, Order order, Run& run) {
  switch (x.n_features) {
    case 1:
      return Ordering<T, 1>(x, leaf_size, order).order(run);
    case 2:
      return Ordering<T, 2>(x, leaf_size, order).order(run);
    case 3:
      return Ordering<T, 3>(x, leaf_size, order).order(run);
    case 4:
      return Ordering<T, 4>(x, leaf_size, order).order(run);
    default:
      return Ordering<T, 0>(x, leaf_size, order).order(run);
  }
}

}  // namespace shoal::neighbors
