// Assignment by every distance, in the ways that suit the shape of the data.
#include <algorithm>
#include <limits>
#include <utility>

#include "centroid/assigners.hpp"
#include "distance/tile.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using distance::Form;
using distance::PackedRows;
using distance::Samples;
using distance::samples;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Rows no wider than this many centres are assigned by lanes of centres when there are enough features to pay for
// reducing a vector at the end; otherwise packing the samples for the tile is cheaper.
template <class T>
bool few_centers(Index n_clusters, Index n_features) {
  return n_clusters <= 2 * kernels<T>().group_size && n_features >= 4 * kernels<T>().group_size;
}

// Upper bounds on |x - origin|. The data stay while they are assigned many times, so one look at each sample is enough;
// the origin does not, and what it has moved is added. Data assigned once (batches, too, which are written over) are
// looked at each time.
template <class T>
class Norms {
 public:
  Norms(Points<const T> x, bool keep) : x_(x) {
    if (keep) kept_.assign(at(x.n_samples), T{-1});
  }
  void prepare(const T* origin) {
    origin_ = origin;
    if (kept_.empty()) return;
    if (first_.empty()) first_.assign(origin, origin + x_.n_features);
    moved_ = largest_norm(Points<const T>{first_.data(), 1, x_.n_features}, origin);
  }
  /// Of samples [begin, end), a block that is the same in every pass, but for what moved() adds.
  const T* of_block(Index begin, Index end, std::vector<T>& scratch) {
    T* norms = nullptr;
    if (kept_.empty()) {
      scratch.resize(at(end - begin));
      norms = scratch.data();
    } else {
      norms = kept_.data() + begin;
      if (begin == end || *norms >= 0) return norms;
    }
    row_kernels<T>().norms(x_.row(begin), end - begin, x_.n_features, kept_.empty() ? origin_ : first_.data(), norms);
    return norms;
  }
  T moved() const { return moved_; }
  /// Of one sample about the origin of now: nothing is to be added.
  T anew(Index i) const {
    T norm = 0;
    row_kernels<T>().norms(x_.row(i), 1, x_.n_features, origin_, &norm);
    return norm;
  }

 private:
  Points<const T> x_;
  const T* origin_ = nullptr;
  std::vector<T> first_;  // the origin of kept norms
  T moved_ = 0;
  std::vector<T> kept_;  // -1: not known yet
};

// Through the tile.
template <class T>
class TileAssigner final : public ExactAssigner<T> {
 public:
  TileAssigner(Points<const T> x, Index n_passes)
      : x_(x), origin_(at(x.n_features)), norms_(x, n_passes > 1), scratch_(at(parallel::n_threads())) {
    for (Scratch& own : scratch_) own.panels.resize(at(distance::tile<T>().scratch_size(x.n_features)));
  }
  void prepare(Points<const T> centers, std::span<const T>, Run&) override {
    centers_ = centers;
    middle_of(centers, origin_.data());
    proof_.prepare(centers, origin_.data());
    norms_.prepare(origin_.data());
    rows_ = distance::pack_rows(Form::expanded, centers, origin_.data());
  }
  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    Scratch& own = scratch_[at(thread)];
    nearest(samples(x_, origin_.data()).slice(begin, end), label + begin, own);
    own.label.resize(at(end - begin));
    const Index n_open =
        row_kernels<T>().list_unproven(proof_.limits(), norms_.of_block(begin, end, own.norm), norms_.moved(),
                                       own.value.data(), own.second.data(), end - begin, own.label.data());
    for (Index s = 0; s < n_open; ++s) {
      const Index i = begin + own.label[at(s)];
      label[i] = compare_distances(x_.row(i), centers_, own.value_of_center);
    }
    return (end - begin) * rows_.n_rows;
  }
  void assign_listed(std::span<const std::int32_t> listed, int thread, std::int32_t* label) override {
    Scratch& own = scratch_[at(thread)];
    Samples<T> rows = samples(x_, origin_.data());
    rows.index = listed.data();
    rows.n = static_cast<Index>(listed.size());
    own.label.resize(listed.size());
    nearest(rows, own.label.data(), own);
    for (std::size_t s = 0; s < listed.size(); ++s) {
      const Index i = listed[s];
      label[i] = proof_.holds(norms_.anew(i), own.value[s], own.second[s])
                     ? own.label[s]
                     : compare_distances(x_.row(i), centers_, own.value_of_center);
    }
  }
  const T* origin() const override { return origin_.data(); }
  void forget(Index) override {}

 private:
  struct Scratch {
    AlignedVector<T> panels;
    std::vector<T> value, second, norm, value_of_center;
    std::vector<std::int32_t> label;
  };
  void nearest(const Samples<T>& rows, std::int32_t* label, Scratch& own) const {
    own.value.resize(at(rows.n));
    own.second.resize(at(rows.n));
    distance::tile<T>().nearest(rows, rows_, label, own.value.data(), own.second.data(), own.panels.data());
  }
  Points<const T> x_, centers_;
  std::vector<T> origin_;
  Proof<T> proof_;
  Norms<T> norms_;
  PackedRows<T> rows_;
  std::vector<Scratch> scratch_;
};

// Samples against lanes of centres: for few centres and many features, where packing the samples would cost as much
// as the arithmetic. A batch of rows is written out shifted, small enough for the innermost cache; while the lanes
// work on it, so is the next.
template <class T>
class LanesAssigner final : public ExactAssigner<T> {
 public:
  /// Data that do not stay (batches, written over block by block) are not read before their block is assigned.
  LanesAssigner(Points<const T> x, Index n_clusters, bool stays)
      : x_(x),
        stays_(stays),
        origin_(at(x.n_features)),
        order_(identity(n_clusters)),
        batch_(std::clamp<Index>(batch_bytes / (x.n_features * static_cast<Index>(sizeof(T))) / together * together,
                                 together, max_batch)),
        scratch_(at(parallel::n_threads())) {
    for (Scratch& own : scratch_) {
      for (auto& rows : own.rows) rows.resize(at(batch_ * x.n_features));
      own.value.resize(at(batch_));
      own.second.resize(at(batch_));
      own.norm.resize(at(batch_));
      own.open.resize(at(batch_));
      own.best.resize(at(batch_));
      own.label.resize(at(batch_));
    }
  }
  void prepare(Points<const T> centers, std::span<const T>, Run&) override {
    centers_ = centers;
    middle_of(centers, origin_.data());
    proof_.prepare(centers, origin_.data());
    lanes_ = pack_lanes<T>(centers, origin_.data(), order_);
    for (Scratch& own : scratch_) own.ready = own.ready_end = 0;
  }
  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    Scratch& own = scratch_[at(thread)];
    if (!stays_) own.ready = own.ready_end = 0;
    for (Index first = begin; first < end; first += batch_) {
      const Index n = std::min(batch_, end - first);
      if (own.ready != first || own.ready_end < first + n)
        kernels<T>().shift_rows(samples(x_, origin_.data()).slice(first, first + n), own.rows[own.turn].data(),
                                own.value.data());  // the norms are not wanted, and written over
      const T* rows = own.rows[own.turn].data();
      own.turn = 1 - own.turn;
      own.ready = first + n;
      own.ready_end = std::min(own.ready + batch_, stays_ ? x_.n_samples : end);
      const RowsAhead<T> ahead{x_.data + own.ready * x_.n_features, origin_.data(), own.rows[own.turn].data(),
                               own.ready_end - own.ready};
      nearest(own, rows, n, label + first, ahead);
      check(own, rows, n, [&](Index i) -> std::pair<Index, std::int32_t&> { return {first + i, label[first + i]}; });
    }
    return (end - begin) * static_cast<Index>(order_.size());
  }
  void assign_listed(std::span<const std::int32_t> listed, int thread, std::int32_t* label) override {
    Scratch& own = scratch_[at(thread)];
    own.ready = own.ready_end = 0;
    Samples<T> all = samples(x_, origin_.data());
    all.index = listed.data();
    const auto end = static_cast<Index>(listed.size());
    for (Index first = 0; first < end; first += batch_) {
      const Samples<T> rows = all.slice(first, std::min(end, first + batch_));
      kernels<T>().shift_rows(rows, own.rows[0].data(), own.value.data());
      nearest(own, own.rows[0].data(), rows.n, own.label.data(), {});
      for (Index i = 0; i < rows.n; ++i) label[rows.index[i]] = own.label[at(i)];
      check(own, own.rows[0].data(), rows.n,
            [&](Index i) -> std::pair<Index, std::int32_t&> { return {rows.index[i], label[rows.index[i]]}; });
    }
  }
  const T* origin() const override { return origin_.data(); }
  void forget(Index) override {}

 private:
  static constexpr Index batch_bytes = 32 * 1024;
  static constexpr Index together = 8;  // rows the kernel takes at once
  static constexpr Index max_batch = 64;

  struct Scratch {
    AlignedVector<T> rows[2];
    int turn = 0;
    Index ready = 0;  // samples [ready, ready_end) have been written to rows[turn]
    Index ready_end = 0;
    std::vector<const T*> row;
    std::vector<LaneBest<T>> best;
    std::vector<T> value, second, norm, value_of_center;
    std::vector<std::int32_t> label, open;
  };

  void nearest(Scratch& own, const T* rows, Index n, std::int32_t* label, const RowsAhead<T>& ahead) const {
    own.row.resize(at(n));
    for (Index i = 0; i < n; ++i) own.row[at(i)] = rows + i * x_.n_features;
    for (Index g = 0; g < lanes_.n_groups; ++g) {
      kernels<T>().best_of_group(own.row.data(), n, lanes_.group(g), lanes_.group_start(g), x_.n_features,
                                 own.best.data(), nullptr, g == 0 ? ahead : RowsAhead<T>{});
      for (Index i = 0; i < n; ++i) {
        const LaneBest<T>& found = own.best[at(i)];
        T& value = own.value[at(i)];
        T& second = own.second[at(i)];
        if (g > 0 && !(found.best < value)) {
          second = std::min(second, found.best);
          continue;
        }
        second = g > 0 ? std::min(value, found.second) : found.second;
        value = found.best;
        label[i] = lanes_.center[at(g * lanes_.size + found.lane)];
      }
    }
  }

  // Compares distances where the values of n shifted rows prove nothing; sample(i) is the number of row i, and its
  // label.
  template <class Sample>
  void check(Scratch& own, const T* rows, Index n, const Sample& sample) const {
    row_kernels<T>().norms(rows, n, x_.n_features, nullptr, own.norm.data());
    const Index n_open = row_kernels<T>().list_unproven(proof_.limits(), own.norm.data(), T{0}, own.value.data(),
                                                        own.second.data(), n, own.open.data());
    for (Index s = 0; s < n_open; ++s) {
      const auto [i, label] = sample(own.open[at(s)]);
      label = compare_distances(x_.row(i), centers_, own.value_of_center);
    }
  }

  Points<const T> x_, centers_;
  bool stays_;
  std::vector<T> origin_;
  Proof<T> proof_;
  std::vector<std::int32_t> order_;
  Index batch_;
  CenterLanes<T> lanes_;
  std::vector<Scratch> scratch_;
};

// Sparse rows against centres transposed: feature p of all centres is one run of memory, padded to whole vectors.
template <class T>
class SparseAssigner final : public Assigner<T> {
 public:
  explicit SparseAssigner(const Rows<T>& x) : x_(x) {}
  void prepare(Points<const T> centers, std::span<const T>, Run&) override {
    const Index size = kernels<T>().group_size;
    const Index k = centers.n_samples;
    stride_ = (k + size - 1) / size * size;
    transposed_.assign(at(stride_ * x_.n_features), T{0});
    start_.assign(at(stride_), std::numeric_limits<T>::infinity());
    for (Index j = 0; j < k; ++j) {
      double sq = 0;
      for (Index p = 0; p < x_.n_features; ++p) {
        const T value = centers.row(j)[p];
        transposed_[at(p * stride_ + j)] = value;
        sq += static_cast<double>(value) * static_cast<double>(value);
      }
      start_[at(j)] = static_cast<T>(sq / 2);
    }
    n_clusters_ = k;
  }
  Index assign(Index begin, Index end, int, std::int32_t* label) override {
    for (Index i = begin; i < end; ++i) {
      const auto first = x_.csr.start[i];
      label[i] = kernels<T>().nearest_sparse(x_.csr.value + first, x_.csr.column + first, x_.csr.start[i + 1] - first,
                                             transposed_.data(), start_.data(), stride_);
    }
    return (end - begin) * n_clusters_;
  }
  void forget(Index) override {}

 private:
  Rows<T> x_;
  Index stride_ = 0;
  Index n_clusters_ = 0;
  AlignedVector<T> transposed_;
  AlignedVector<T> start_;
};

}  // namespace

template <class T>
std::unique_ptr<ExactAssigner<T>> make_exact(Points<const T> x, Index n_clusters, Index n_passes) {
  if (few_centers<T>(n_clusters, x.n_features)) return std::make_unique<LanesAssigner<T>>(x, n_clusters, n_passes > 1);
  return std::make_unique<TileAssigner<T>>(x, n_passes);
}

template <class T>
std::unique_ptr<Assigner<T>> make_lloyd(const Rows<T>& x, Index n_clusters, Index n_passes) {
  if (x.sparse()) return std::make_unique<SparseAssigner<T>>(x);
  if (auto screened = make_screened(x.dense, n_clusters, n_passes)) return screened;
  return make_exact(x.dense, n_clusters, n_passes);
}

#define SHOAL_INSTANTIATE(T)                                                            \
  template std::unique_ptr<ExactAssigner<T>> make_exact(Points<const T>, Index, Index); \
  template std::unique_ptr<Assigner<T>> make_lloyd(const Rows<T>&, Index, Index);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
