#include "hierarchy/rounds.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include "hierarchy/chain.hpp"
#include "hierarchy/neighbours.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::hierarchy {
namespace {

constexpr Index few_clusters = 64;                             // the chain does these
constexpr std::size_t written_at_once = std::size_t{1} << 19;  // bytes of new rows, per thread

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
class Rounds {
 public:
  Rounds(Update update, Triangle<T>& triangle, Weights<double> weight, double fewest, Run& run)
      : update_(update),
        triangle_(triangle),
        fewest_(fewest),
        run_(run),
        n_rows_(triangle.n()),
        size_(at(n_rows_)),
        name_(at(n_rows_)) {
    for (Index i = 0; i < n_rows_; ++i) size_[at(i)] = static_cast<T>(weight[i]);
    std::iota(name_.begin(), name_.end(), 0);
  }

  std::vector<Merge> merges() {
    near_.start(triangle_.n(), false);
    for (Index i = 0; i < triangle_.n(); ++i) {
      if (i % 64 == 0) run_.checkpoint();
      near_.see(triangle_, i);
    }
    while (triangle_.n() > few_clusters && round())
      run_.progress("merges", static_cast<double>(found_.size()), static_cast<double>(n_rows_ - 1));
    const std::vector<double> size(size_.begin(), size_.end());
    const auto done = static_cast<Index>(found_.size());
    for (const Merge& merge : merge_by_chain(update_, triangle_, Weights<double>{size.data()}, run_, done))
      found_.push_back({merge.height, name_[at(merge.a)], name_[at(merge.b)]});
    raise_heights(found_);
    return std::move(found_);
  }

 private:
  // Two clusters that merge: old positions first < second; at `place` in the next round.
  struct Union {
    std::int32_t place, first, second;
    T distance;
  };
  struct Scratch {
    AlignedVector<T> to_second, merged;
  };

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
    const auto at_once =
        std::min(m, n_threads * std::max<Index>(1, static_cast<Index>(written_at_once / (at(m) * sizeof(T)))));
    std::vector<T> rows(at(at_once * m));
    std::vector<Scratch> scratch(at(n_threads));
    for (auto& own : scratch) {
      own.to_second.resize(at(triangle_.n()));
      own.merged.resize(at(triangle_.n()));
    }
    // of every row, its union, or the next one
    std::vector<std::size_t> next(at(m));
    std::size_t u = 0;
    for (Index r = 0; r < m; ++r) {
      while (u < unions_.size() && unions_[u].place < r) ++u;
      next[at(r)] = u;
    }
    T* to = triangle_.data();
    for (Index begin = 0; begin < m; begin += at_once) {
      const Index end = std::min(m, begin + at_once);
      const double work = 2.0 * static_cast<double>(end - begin) * static_cast<double>(m - begin);
      parallel::for_blocks(parallel::Blocks{end - begin, 1}, run_, work, [&](Index i, int thread) {
        row_of(begin + i, next[at(begin + i)], rows.data() + i * m, scratch[at(thread)]);
      });
      for (Index r = begin; r < end; ++r) {
        const T* from = rows.data() + (r - begin) * m;
        std::copy(from + r + 1, from + m, to);
        near_.see_row(to, r);
        to += m - r - 1;
      }
    }
    triangle_.shrink(m);
  }

  // out[s] = distance of the next clusters r and s > r; unions_[u] is the first at r or behind.
  void row_of(Index r, std::size_t u, T* out, Scratch& scratch) const {
    const Index n = triangle_.n();
    const Index from = first_[at(r)] + 1;
    const T* row = triangle_.row(first_[at(r)]);
    if (u < unions_.size() && unions_[u].place == r) {
      const Union& own = unions_[u++];
      T* other = scratch.to_second.data();
      triangle_.column(own.second, from, own.second, other);
      other[own.second] = 0;
      const T* behind = triangle_.row(own.second);
      std::copy(behind + own.second + 1, behind + n, other + own.second + 1);
      triangle_kernels<T>().merge_rows(update_, row + from, other + from, size_.data() + from, n - from, pair_of(own),
                                       scratch.merged.data() + from);
      row = scratch.merged.data();
    }
    const auto m = std::ssize(first_);
    const std::int32_t* first = first_.data();
    for (Index s = r + 1; s < m; ++s) out[s] = row[first[s]];
    const std::span<const Union> unions = std::span(unions_).subspan(u);
    switch (update_) {
      case Update::complete:
        for (const Union& c : unions) out[c.place] = std::max(row[c.first], row[c.second]);
        break;
      case Update::weighted:
        for (const Union& c : unions) out[c.place] = T{0.5} * (row[c.first] + row[c.second]);
        break;
      default:
        for (const Union& c : unions) {
          const T nx = size_[at(c.first)];
          const T ny = size_[at(c.second)];
          out[c.place] = (nx * row[c.first] + ny * row[c.second]) / (nx + ny);
        }
    }
  }

  Pair pair_of(const Union& u) const {
    return {static_cast<double>(u.distance), static_cast<double>(size_[at(u.first)]),
            static_cast<double>(size_[at(u.second)])};
  }

  Update update_;
  Triangle<T>& triangle_;
  double fewest_;
  Run& run_;
  Index n_rows_;
  AlignedVector<T> size_;
  std::vector<std::int32_t> name_;  // a row of the data in the cluster
  Neighbours<T> near_;
  std::vector<std::int32_t> first_;  // of the next round: the old position, of a union its first
  std::vector<Union> unions_;        // ascending
  std::vector<Merge> found_;
};

}  // namespace

template <class T>
std::vector<Merge> merge_by_rounds(Update update, Triangle<T>& triangle, Weights<double> weight, double fewest,
                                   Run& run) {
  if (triangle.n() < 2) return {};
  return Rounds<T>(update, triangle, weight, fewest, run).merges();
}
template std::vector<Merge> merge_by_rounds(Update, Triangle<float>&, Weights<double>, double, Run&);
template std::vector<Merge> merge_by_rounds(Update, Triangle<double>&, Weights<double>, double, Run&);

}  // namespace shoal::hierarchy
