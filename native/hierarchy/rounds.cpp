#include "hierarchy/rounds.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <type_traits>

#include "hierarchy/chain.hpp"
#include "hierarchy/neighbours.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::hierarchy {
namespace {

constexpr Index few_clusters = 64;  // the chain does these
constexpr Index rows_at_once = 16;  // of a triangle; what lies in one column for all of them shares a few cache lines
constexpr Index columns_at_once = 256;
// Of the data, while all distances are taken: so many rows share what is fetched of the others. Many features of a few
// columns are more than the first cache holds, and all of them soon more than the last.
constexpr Index few_features = 64;
constexpr Index data_rows_at_once = 64;
// Rows of the next triangle wait in a buffer of at most this part of it, whatever the number of threads.
constexpr Index buffer_part = 16;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// How far a cluster of size n is from the union of two, x and y away from it: see TriangleKernels::merge_rows.
template <class T>
T united(Update update, T x, T y, T n, const Pair& pair) {
  const auto nx = static_cast<T>(pair.size_x);
  const auto ny = static_cast<T>(pair.size_y);
  const auto d = static_cast<T>(pair.distance);
  switch (update) {
    case Update::complete:
      return std::max(x, y);
    case Update::weighted:
      return T{0.5} * (x + y);
    case Update::ward:
      return std::sqrt(std::max(T{0}, ((n + nx) * x * x + (n + ny) * y * y - n * d * d) / (n + (nx + ny))));
    default:
      return (nx * x + ny * y) / (nx + ny);
  }
}

// The triangle is the lower one: row i holds the distances to j < i. Of a union, the place is that of its first
// cluster, and the row of its second is still there when it is written, for rows are written from the first on.
template <class T>
class Rounds {
 public:
  Rounds(Update update, Index n, Weights<double> weight, double fewest, Run& run)
      : update_(update), triangle_(n), fewest_(fewest), run_(run), n_rows_(n), size_(at(n)), name_(at(n)) {
    for (Index i = 0; i < n_rows_; ++i) size_[at(i)] = static_cast<T>(weight[i]);
    std::iota(name_.begin(), name_.end(), 0);
  }

  std::vector<Merge> merges(const Metric& metric, Points<const double> x, Weights<double> weight) {
    fill(metric, x, weight);
    while (triangle_.n() > few_clusters && round())
      run_.progress("merges", static_cast<double>(found_.size()), static_cast<double>(n_rows_ - 1));
    // read backwards, the lower triangle is the upper one of clusters in the opposite order
    const Index n = triangle_.n();
    std::reverse(triangle_.data(), triangle_.data() + n * (n - 1) / 2);
    const std::vector<double> size(size_.rbegin(), size_.rend());
    const auto done = static_cast<Index>(found_.size());
    for (const Merge& merge : merge_by_chain(update_, triangle_, Weights<double>{size.data()}, run_, done))
      found_.push_back({merge.height, name_[at(n - 1 - merge.a)], name_[at(n - 1 - merge.b)]});
    raise_heights(found_);
    return std::move(found_);
  }

 private:
  // Two clusters that merge: old positions first < second; at `place` in the next round.
  struct Union {
    std::int32_t place, first, second;
    T distance;
  };
  // Of some rows and columns: row i's values are at values + i * stride.
  struct Piece {
    const T* values;
    Index stride;
  };
  struct Scratch {
    AlignedVector<T> values;  // of every old cluster
    std::vector<const Union*> open;
    std::vector<T> columns;  // of the second clusters of `open`: rows_at_once values each
  };

  T* row(Index i) { return triangle_.data() + i * (i - 1) / 2; }
  const T* row(Index i) const { return triangle_.data() + i * (i - 1) / 2; }

  // All distances; everyone's nearest is found as they come.
  void fill(const Metric& metric, Points<const double> x, Weights<double> weight) {
    const FeatureMajor columns(x);
    const Index at_once = x.n_features > few_features ? data_rows_at_once : rows_at_once;
    near_.start(n_rows_, false);
    struct Block {
      AlignedVector<double> computed;
      AlignedVector<T> kept;
    };
    std::vector<Block> blocks(at(parallel::n_threads()));
    for (Block& block : blocks) {
      block.computed.resize(at(at_once * columns_at_once));
      if constexpr (!std::is_same_v<T, double>) block.kept.resize(block.computed.size());
    }
    for (Index begin = 0; begin < n_rows_; begin += at_once) {
      const Index end = std::min(n_rows_, begin + at_once);
      see_rows(begin, end, 0.2 * static_cast<double>(x.n_features), [&](Index from, Index to, int thread) {
        Block& block = blocks[at(thread)];
        distances_between(metric, columns, x, begin, end, from, to, block.computed.data(), columns_at_once);
        if (update_ == Update::ward && weight)
          for (Index i = begin; i < end; ++i)
            for (Index j = from; j < std::min(i, to); ++j)
              block.computed[at((i - begin) * columns_at_once + j - from)] *= ward_factor(weight[i], weight[j]);
        if constexpr (std::is_same_v<T, double>) {
          return Piece{block.computed.data(), columns_at_once};
        } else {
          std::copy(block.computed.begin(), block.computed.end(), block.kept.begin());
          return Piece{block.kept.data(), columns_at_once};
        }
      });
      run_.progress("distances", static_cast<double>(end) * static_cast<double>(end),
                    static_cast<double>(n_rows_) * static_cast<double>(n_rows_));
    }
  }

  // Rows [begin, end), of which piece_of(from, to, thread) has columns [from, to): into the triangle, and everyone's
  // nearest up to date. In parallel by columns, for a row makes offers to them.
  template <class F>
  void see_rows(Index begin, Index end, double cost, F&& piece_of) {
    const parallel::Blocks chunks{end, columns_at_once};
    least_.resize(at((end - begin) * chunks.count()));
    const double work = (1 + cost) * static_cast<double>(end - begin) * static_cast<double>(end);
    parallel::for_blocks(chunks, run_, work, [&](Index c, int thread) {
      const Index from = chunks.begin(c);
      const Index to = chunks.end(c);
      const Piece piece = piece_of(from, to, thread);
      for (Index i = std::max(begin, from + 1); i < end; ++i) {
        const T* values = piece.values + (i - begin) * piece.stride;
        least_[at((i - begin) * chunks.count() + c)] = near_.offer(values, i, from, std::min(i, to));
        std::copy(values, values + std::min(i, to) - from, row(i) + from);
      }
    });
    for (Index i = std::max<Index>(begin, 1); i < end; ++i) {
      const auto parts = least_.begin() + (i - begin) * chunks.count();
      const auto best = std::min_element(parts, parts + (i + columns_at_once - 1) / columns_at_once);
      const T* first = std::find(row(i) + (best - parts) * columns_at_once, row(i) + i, *best);
      near_.take(i, static_cast<std::int32_t>(first - row(i)), *best);
    }
  }

  // False when there are too few pairs.
  bool round() {
    const Index n = triangle_.n();
    first_.clear();
    unions_.clear();
    for (Index i = 0; i < n; ++i) {
      const std::int32_t j = near_.nearest[at(i)];
      const bool pair = near_.nearest[at(j)] == static_cast<std::int32_t>(i);
      if (pair && j < i) continue;
      if (pair)
        unions_.push_back(
            {static_cast<std::int32_t>(first_.size()), static_cast<std::int32_t>(i), j, near_.least[at(i)]});
      first_.push_back(static_cast<std::int32_t>(i));
    }
    if (static_cast<double>(unions_.size()) < fewest_ * static_cast<double>(n)) return false;
    for (const Union& u : unions_)
      found_.push_back({static_cast<double>(u.distance), name_[at(u.first)], name_[at(u.second)]});
    write();
    for (const Union& u : unions_) size_[at(u.first)] += size_[at(u.second)];
    for (std::size_t s = 0; s < first_.size(); ++s) {
      size_[s] = size_[at(first_[s])];
      name_[s] = name_[at(first_[s])];
    }
    size_.resize(first_.size());
    return true;
  }

  // The triangle of the next clusters over that of the old: what is written lies before all that is still to be read.
  void write() {
    const auto m = std::ssize(first_);
    const Index n_threads = parallel::n_threads();
    near_.start(m, false);
    const Index most = m / (2 * buffer_part) / rows_at_once;
    const Index at_once = std::clamp<Index>(most, 1, n_threads) * rows_at_once;
    std::vector<T> rows(at(at_once * m));
    std::vector<Scratch> scratch(at(n_threads));
    for (auto& own : scratch) own.values.resize(at(triangle_.n()));
    for (Index begin = 0; begin < m; begin += at_once) {
      const Index end = std::min(m, begin + at_once);
      const double work = 2.0 * static_cast<double>(end - begin) * static_cast<double>(end);
      const parallel::Blocks blocks{end - begin, rows_at_once};
      parallel::for_blocks(blocks, run_, work, [&](Index b, int thread) {
        const Index first = blocks.begin(b);
        write_rows(begin + first, begin + blocks.end(b), rows.data() + first * m, m, scratch[at(thread)]);
      });
      see_rows(begin, end, 0, [&](Index from, Index, int) { return Piece{rows.data() + from, m}; });
    }
    triangle_.shrink(m);
  }

  // out[(r - begin) * stride + s] = distance of the next clusters r in [begin, end) and s < r.
  void write_rows(Index begin, Index end, T* out, Index stride, Scratch& scratch) const {
    // unions of which the second cluster comes behind some of the rows: their distances to it are in its row
    const std::int32_t from = first_[at(begin)];
    const auto behind = std::partition_point(unions_.begin(), unions_.end(),
                                             [&](const Union& u) { return static_cast<Index>(u.place) < end; });
    scratch.open.clear();
    for (auto u = unions_.begin(); u != behind; ++u)
      if (u->second > from) scratch.open.push_back(&*u);
    scratch.columns.resize(scratch.open.size() * at(rows_at_once));
    T* column = scratch.columns.data();
    for (const Union* u : scratch.open) {
      const T* far = row(u->second);
      for (Index r = std::max<Index>(begin, u->place + 1); r < end && first_[at(r)] < u->second; ++r)
        column[r - begin] = far[first_[at(r)]];
      column += rows_at_once;
    }
    auto own = std::partition_point(unions_.begin(), behind,
                                    [&](const Union& u) { return static_cast<Index>(u.place) < begin; });
    for (Index r = begin; r < end; ++r) {
      const bool is_union = own != behind && own->place == r;
      write_row(r, is_union ? &*own : nullptr, {unions_.begin(), own}, scratch.columns.data() + (r - begin),
                out + (r - begin) * stride, scratch);
      if (is_union) ++own;
    }
  }

  // Row r, which may be a union; `before`: the unions before it; open union k is columns[k * rows_at_once] away from
  // its first cluster.
  void write_row(Index r, const Union* own, std::span<const Union> before, const T* columns, T* out,
                 Scratch& scratch) const {
    const std::int32_t i = first_[at(r)];
    const T* near = row(i);
    T* values = scratch.values.data();
    std::size_t n_open = scratch.open.size();
    while (n_open > 0 && scratch.open[n_open - 1]->place >= r) --n_open;
    if (own) {
      const T* other = row(own->second);
      triangle_kernels<T>().merge_rows(update_, near, other, size_.data(), i, pair_of(*own), values);
      near = values;
      const Pair pair = pair_of(*own);
      for (std::size_t k = 0; k < n_open; ++k) {
        const std::int32_t j = scratch.open[k]->second;
        if (j < i) continue;
        const T to_other = j < own->second ? other[j] : row(j)[own->second];
        values[j] = united(update_, columns[at(rows_at_once) * k], to_other, size_[at(j)], pair);
      }
    } else {
      for (std::size_t k = 0; k < n_open; ++k) values[scratch.open[k]->second] = columns[at(rows_at_once) * k];
    }
    const T size = size_[at(i)] + (own ? size_[at(own->second)] : T{0});
    const std::int32_t* first = first_.data();
    for (Index s = 0; s < r; ++s) out[s] = near[first[s]];
    const auto to_second = [&](const Union& u) { return (u.second < i ? near : values)[u.second]; };
    switch (update_) {
      case Update::complete:
        for (const Union& u : before) out[u.place] = std::max(out[u.place], to_second(u));
        break;
      case Update::weighted:
        for (const Union& u : before) out[u.place] = T{0.5} * (out[u.place] + to_second(u));
        break;
      default:
        for (const Union& u : before) {
          T& value = out[u.place];
          value = united(update_, value, to_second(u), size, pair_of(u));
        }
    }
  }

  Pair pair_of(const Union& u) const {
    return {static_cast<double>(u.distance), static_cast<double>(size_[at(u.first)]),
            static_cast<double>(size_[at(u.second)])};
  }

  Update update_;
  Triangle<T> triangle_;  // its memory: rows are those of the lower one, until the chain takes over
  double fewest_;
  Run& run_;
  Index n_rows_;
  AlignedVector<T> size_;
  std::vector<std::int32_t> name_;  // a row of the data in the cluster
  Neighbours<T> near_;
  std::vector<T> least_;             // of some rows, by piece
  std::vector<std::int32_t> first_;  // of the next round: the old position, of a union its first
  std::vector<Union> unions_;        // ascending
  std::vector<Merge> found_;
};

}  // namespace

template <class T>
std::vector<Merge> merge_by_rounds(Update update, const Metric& metric, Points<const double> x, Weights<double> weight,
                                   double fewest, Run& run) {
  if (x.n_samples < 2) return {};
  return Rounds<T>(update, x.n_samples, weight, fewest, run).merges(metric, x, weight);
}
#define SHOAL_INSTANTIATE(T)                                                                                           \
  template std::vector<Merge> merge_by_rounds<T>(Update, const Metric&, Points<const double>, Weights<double>, double, \
                                                 Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::hierarchy
