#include "centroid/narrow_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr Index usual_block = 512;
constexpr Index samples_per_cell = 256;
constexpr Index looked_at_from = 16;  // one in so many samples, or fewer
constexpr Index most_looked_at = Index{1} << 15;
constexpr std::size_t most_levels = 3;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Cells: strips along one feature, each cut into strips along the next, and so on, all holding as many of the samples
// that were looked at.
template <class T>
class Cells {
 public:
  Cells(Points<const T> x, Index n_cells) {
    const Index d = x.n_features;
    const Index stride = std::max(looked_at_from, (x.n_samples + most_looked_at - 1) / most_looked_at);
    std::vector<Index> rows;
    for (Index i = 0; i < x.n_samples; i += stride) rows.push_back(i);
    std::vector<T> low(x.row(0), x.row(0) + d), high = low;
    for (const Index i : rows)
      for (Index f = 0; f < d; ++f) {
        low[at(f)] = std::min(low[at(f)], x.row(i)[f]);
        high[at(f)] = std::max(high[at(f)], x.row(i)[f]);
      }
    std::vector<Index> widest(at(d));
    std::iota(widest.begin(), widest.end(), 0);
    std::stable_sort(widest.begin(), widest.end(), [&](Index a, Index b) {
      return high[at(a)] / 2 - low[at(a)] / 2 > high[at(b)] / 2 - low[at(b)] / 2;
    });
    n_levels_ = std::min(at(d), most_levels);
    std::copy_n(widest.begin(), n_levels_, feature_.begin());
    while (count() < n_cells) strips_ *= 2;
    cut(x, std::span(rows), 0);
  }

  Index count() const {
    Index cells = 1;
    for (std::size_t l = 0; l < n_levels_; ++l) cells *= strips_;
    return cells;
  }
  Index of(const T* row) const {
    Index cell = 0;
    for (std::size_t l = 0; l < n_levels_; ++l) {
      const T* cuts = cuts_[l].data() + cell * (strips_ - 1);
      const T value = row[feature_[l]];
      Index strip = 0;
      for (Index half = strips_ / 2; half > 0; half /= 2) strip += cuts[strip + half - 1] <= value ? half : 0;
      cell = cell * strips_ + strip;
    }
    return cell;
  }

 private:
  void cut(Points<const T> x, std::span<Index> rows, std::size_t level) {
    if (level >= std::min(n_levels_, most_levels)) return;
    const Index f = feature_[level];
    std::sort(rows.begin(), rows.end(), [&](Index a, Index b) { return x.row(a)[f] < x.row(b)[f]; });
    const Index n = std::ssize(rows);
    for (Index s = 1; s < strips_; ++s)
      cuts_[level].push_back(n == 0 ? T{0} : x.row(rows[at(std::min(s * n / strips_, n - 1))])[f]);
    for (Index s = 0; s < strips_; ++s)
      cut(x, rows.subspan(at(s * n / strips_), at((s + 1) * n / strips_ - s * n / strips_)), level + 1);
  }

  std::size_t n_levels_ = 1;
  Index strips_ = 1;  // a power of two
  std::array<Index, most_levels> feature_{};
  std::array<std::vector<T>, most_levels> cuts_;  // of every strip of the level before, one after the other
};

}  // namespace

template <class T>
NarrowRows<T>::NarrowRows(Points<const T> x, bool near_together, Run& run)
    : n_(x.n_samples),
      d_(x.n_features),
      block_size_(parallel::forced_block_length() > 0 ? parallel::forced_block_length() : usual_block),
      order_(at(x.n_samples)),
      columns_(at(x.size())),
      boxes_(at(2 * n_blocks() * x.n_features)) {
  if (near_together)
    order_by_cells(x, run);
  else
    std::iota(order_.begin(), order_.end(), 0);
  const Blocks blocks{n_, block_size_};
  for_blocks(blocks, run, 4.0 * static_cast<double>(x.size()), [&](Index b, int) {
    T* low = boxes_.data() + 2 * b * d_;
    T* high = low + d_;
    std::fill_n(low, d_, std::numeric_limits<T>::infinity());
    std::fill_n(high, d_, -std::numeric_limits<T>::infinity());
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      const T* row = x.row(order_[at(i)]);
      for (Index f = 0; f < d_; ++f) {
        columns_[at(f * n_ + i)] = row[f];
        low[f] = std::min(low[f], row[f]);
        high[f] = std::max(high[f], row[f]);
      }
    }
  });
}

template <class T>
void NarrowRows<T>::order_by_cells(Points<const T> x, Run& run) {
  const Cells<T> cells(x, n_ / samples_per_cell + 1);
  run.checkpoint();
  std::vector<std::int32_t> cell(at(n_));
  const Blocks blocks = parallel::blocks_of(n_, at(d_) * sizeof(T));
  for_blocks(blocks, run, 20.0 * static_cast<double>(n_), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) cell[at(i)] = static_cast<std::int32_t>(cells.of(x.row(i)));
  });
  std::vector<Index> next(at(cells.count() + 1), 0);
  for (const std::int32_t c : cell) ++next[at(c) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  run.checkpoint();
  for (Index i = 0; i < n_; ++i) order_[at(next[at(cell[at(i)])]++)] = static_cast<std::int32_t>(i);
}

template <class T>
T NarrowRows<T>::sq_dist_to_block(Index block, const T* point) const {
  const T* low = boxes_.data() + 2 * block * d_;
  const T* high = low + d_;
  T sum = 0;
  for (Index f = 0; f < d_; ++f) {
    const T beyond = std::max(low[f] - point[f], point[f] - high[f]);
    if (beyond > 0) sum += beyond * beyond;
  }
  return sum * (1 - 8 * static_cast<T>(d_ + 8) * std::numeric_limits<T>::epsilon());
}

template class NarrowRows<float>;
template class NarrowRows<double>;

}  // namespace shoal::centroid
