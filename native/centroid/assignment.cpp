#include "centroid/assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

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

template <class T>
T largest_norm(Points<const T> centers, const T* origin) {
  double largest = 0;
  for (Index j = 0; j < centers.n_samples; ++j) {
    double sq = 0;
    for (Index p = 0; p < centers.n_features; ++p) {
      const double value = static_cast<double>(centers.row(j)[p]) - static_cast<double>(origin[p]);
      sq += value * value;
    }
    largest = std::max(largest, sq);
  }
  return static_cast<T>(std::sqrt(largest) * (1 + 1e-6));
}

// Centres in groups of lanes. `order` lists the centres group after group; a short last group leaves lanes empty.
template <class T>
CenterLanes<T> pack_lanes(Points<const T> centers, const T* origin, std::span<const std::int32_t> order) {
  const Index k = centers.n_samples;
  const Index d = centers.n_features;
  CenterLanes<T> lanes;
  lanes.size = kernels<T>().group_size;
  lanes.n_groups = (k + lanes.size - 1) / lanes.size;
  lanes.n_features = d;
  lanes.data.assign(at(lanes.n_groups * d * lanes.size), T{0});
  lanes.start.assign(at(lanes.n_groups * lanes.size), std::numeric_limits<T>::infinity());
  lanes.center.assign(at(lanes.n_groups * lanes.size), -1);
  lanes.lane_of.assign(at(k), 0);
  for (Index i = 0; i < k; ++i) {
    const std::int32_t j = order[at(i)];
    const Index group = i / lanes.size;
    const Index lane = i % lanes.size;
    T* to = lanes.data.data() + group * d * lanes.size + lane;
    double sq = 0;
    for (Index p = 0; p < d; ++p) {
      const T value = centers.row(j)[p] - origin[p];
      to[p * lanes.size] = value;
      sq += static_cast<double>(value) * static_cast<double>(value);
    }
    lanes.start[at(i)] = static_cast<T>(sq / 2);
    lanes.center[at(i)] = j;
    lanes.lane_of[at(j)] = static_cast<std::int32_t>(i);
  }
  return lanes;
}

// Centres near each other in one group: halves along the widest feature, down to groups of `size`, each sorted.
template <class T>
void order_by_place(Points<const T> centers, std::span<std::int32_t> order, Index size) {
  const auto n = static_cast<Index>(order.size());
  if (n <= size) {
    std::sort(order.begin(), order.end());
    return;
  }
  Index widest = 0;
  double most = -1;
  for (Index p = 0; p < centers.n_features; ++p) {
    double sum = 0;
    double sum_sq = 0;
    for (std::int32_t j : order) {
      const double value = static_cast<double>(centers.row(j)[p]) - static_cast<double>(centers.row(order[0])[p]);
      sum += value;
      sum_sq += value * value;
    }
    const double spread = sum_sq - sum * sum / static_cast<double>(n);
    if (spread > most) {
      most = spread;
      widest = p;
    }
  }
  const Index half = (n / 2 + size - 1) / size * size;
  std::nth_element(order.begin(), order.begin() + half, order.end(), [&](std::int32_t a, std::int32_t b) {
    const T va = centers.row(a)[widest];
    const T vb = centers.row(b)[widest];
    return va < vb || (va == vb && a < b);
  });
  order_by_place(centers, order.first(at(half)), size);
  order_by_place(centers, order.subspan(at(half)), size);
}

std::vector<std::int32_t> identity(Index k) {
  std::vector<std::int32_t> order(at(k));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// --- Lloyd --------------------------------------------------------------------------------------------------

// Every distance, through the tile.
template <class T>
class TileAssigner final : public Assigner<T> {
 public:
  TileAssigner(Points<const T> x, Index) : x_(x), origin_(at(x.n_features)) {
    scratch_.resize(at(parallel::n_threads()));
    for (auto& own : scratch_) own.resize(at(distance::tile<T>().scratch_size(x.n_features)));
    values_.resize(scratch_.size());
  }
  void prepare(Points<const T> centers, std::span<const T>, Run&) override {
    mean_of(centers, origin_.data());
    rows_ = distance::pack_rows(Form::expanded, centers, origin_.data());
  }
  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    auto& values = values_[at(thread)];
    values.resize(at(end - begin));
    distance::tile<T>().nearest(samples(x_, origin_.data()).slice(begin, end), rows_, label + begin, values.data(),
                                nullptr, scratch_[at(thread)].data());
    return (end - begin) * rows_.n_rows;
  }
  void forget(Index) override {}

 private:
  Points<const T> x_;
  std::vector<T> origin_;
  PackedRows<T> rows_;
  std::vector<AlignedVector<T>> scratch_;
  std::vector<std::vector<T>> values_;
};

// A block of samples shifted to the origin of the centres, and where their rows are.
template <class T>
struct ShiftedBlock {
  AlignedVector<T> rows;
  std::vector<T> sq_norm;
  std::vector<const T*> row;

  void load(const Samples<T>& s) {
    rows.resize(at(s.n * s.n_features));
    sq_norm.resize(at(s.n));
    row.resize(at(s.n));
    kernels<T>().shift_rows(s, rows.data(), sq_norm.data());
    for (Index i = 0; i < s.n; ++i) row[at(i)] = rows.data() + i * s.n_features;
  }
};

// Every distance, samples against lanes of centres: for few centres and many features, where packing the samples
// would cost as much as the arithmetic.
template <class T>
class LanesAssigner final : public Assigner<T> {
 public:
  LanesAssigner(Points<const T> x, Index n_clusters)
      : x_(x), origin_(at(x.n_features)), order_(identity(n_clusters)), scratch_(at(parallel::n_threads())) {}
  void prepare(Points<const T> centers, std::span<const T>, Run&) override {
    mean_of(centers, origin_.data());
    lanes_ = pack_lanes<T>(centers, origin_.data(), order_);
  }
  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    Scratch& own = scratch_[at(thread)];
    const Index n = end - begin;
    own.block.load(samples(x_, origin_.data()).slice(begin, end));
    own.best.resize(at(n));
    own.value.resize(at(n));
    for (Index g = 0; g < lanes_.n_groups; ++g) {
      kernels<T>().best_of_group(own.block.row.data(), n, lanes_.group(g), lanes_.group_start(g), x_.n_features,
                                 own.best.data(), nullptr);
      for (Index i = 0; i < n; ++i) {
        const LaneBest<T>& found = own.best[at(i)];
        if (g > 0 && !(found.best < own.value[at(i)])) continue;
        own.value[at(i)] = found.best;
        label[begin + i] = lanes_.center[at(g * lanes_.size + found.lane)];
      }
    }
    return n * static_cast<Index>(order_.size());
  }
  void forget(Index) override {}

 private:
  struct Scratch {
    ShiftedBlock<T> block;
    std::vector<LaneBest<T>> best;
    std::vector<T> value;
  };
  Points<const T> x_;
  std::vector<T> origin_;
  std::vector<std::int32_t> order_;
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

// --- Hamerly ------------------------------------------------------------------------------------------------

// upper_[i] is at least the distance from sample i to its own centre, lower_[i] at most that to any other. Both are
// loosened by every move of the centres and tightened only when they fail to rule a change out.
template <class T>
class HamerlyAssigner final : public Assigner<T> {
 public:
  HamerlyAssigner(Points<const T> x, Index n_clusters)
      : x_(x),
        origin_(at(x.n_features)),
        moves_(at(n_clusters), T{0}),
        upper_(at(x.n_samples), std::numeric_limits<T>::infinity()),
        lower_(at(x.n_samples), T{0}),
        scratch_(at(parallel::n_threads())) {
    for (auto& own : scratch_) own.tile.resize(at(distance::tile<T>().scratch_size(x.n_features)));
  }
  void prepare(Points<const T> centers, std::span<const T> moves, Run&) override {
    centers_ = centers;
    mean_of(centers, origin_.data());
    rows_ = distance::pack_rows(Form::expanded, centers, origin_.data());
    rounding_ = Rounding<T>(x_.n_features, largest_norm(centers, origin_.data()));
    largest_ = second_ = 0;
    fastest_ = 0;
    if (!prepared_) moves = {};
    prepared_ = true;
    std::fill(moves_.begin(), moves_.end(), T{0});
    std::copy(moves.begin(), moves.end(), moves_.begin());
    for (Index j = 0; j < static_cast<Index>(moves.size()); ++j) {
      const T move = moves_[at(j)];
      if (move > largest_) {
        second_ = std::exchange(largest_, move);
        fastest_ = static_cast<std::int32_t>(j);
      } else {
        second_ = std::max(second_, move);
      }
    }
  }
  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    constexpr T eps = std::numeric_limits<T>::epsilon();
    Scratch& own = scratch_[at(thread)];
    own.open.clear();
    for (Index i = begin; i < end; ++i) {
      const std::int32_t a = label[i];
      T& upper = upper_[at(i)];
      T& lower = lower_[at(i)];
      upper = a < 0 ? std::numeric_limits<T>::infinity() : (upper + moves_[at(a)]) * (1 + 4 * eps);
      lower = std::max(T{0}, (lower - (a == fastest_ ? second_ : largest_)) * (1 - 4 * eps));
      if (ruled_out(i)) continue;
      if (a >= 0) {
        upper = rounding_.root_up(distance::tile<T>().sq_dist(x_.row(i), centers_.row(a), x_.n_features));
        if (ruled_out(i)) continue;
      }
      own.open.push_back(static_cast<std::int32_t>(i));
    }
    const auto n = static_cast<Index>(own.open.size());
    if (n == 0) return 0;
    own.label.resize(at(n));
    own.value.resize(at(n));
    own.second.resize(at(n));
    Samples<T> open = samples(x_, origin_.data());
    open.index = own.open.data();
    open.n = n;
    distance::tile<T>().nearest(open, rows_, own.label.data(), own.value.data(), own.second.data(), own.tile.data());
    for (Index s = 0; s < n; ++s) {
      const Index i = own.open[at(s)];
      const std::int32_t a = own.label[at(s)];
      const T sq = distance::tile<T>().sq_dist(x_.row(i), centers_.row(a), x_.n_features);
      label[i] = a;
      upper_[at(i)] = rounding_.root_up(sq);
      lower_[at(i)] = rounding_.root_down(sq * (1 - rounding_.unit) + 2 * (own.second[at(s)] - own.value[at(s)]) -
                                          rounding_.slack(upper_[at(i)]));
    }
    return n * rows_.n_rows;
  }
  void forget(Index i) override {
    upper_[at(i)] = std::numeric_limits<T>::infinity();
    lower_[at(i)] = 0;
  }

 private:
  bool ruled_out(Index i) const {
    const T upper = upper_[at(i)];
    const T lower = lower_[at(i)];
    return (lower - upper) * (lower + upper) > rounding_.slack(upper);
  }
  struct Scratch {
    std::vector<std::int32_t> open, label;
    std::vector<T> value, second;
    AlignedVector<T> tile;
  };
  Points<const T> x_;
  Points<const T> centers_;
  std::vector<T> origin_;
  PackedRows<T> rows_;
  Rounding<T> rounding_;
  std::vector<T> moves_;
  T largest_ = 0, second_ = 0;
  std::int32_t fastest_ = 0;
  bool prepared_ = false;
  std::vector<T> upper_, lower_;
  std::vector<Scratch> scratch_;
};

// --- Yinyang and Elkan --------------------------------------------------------------------------------------

// Bounds per group of centres (Yinyang) or per centre (Elkan); either way a group is computed whole, as it is one
// vector. A bound of sample i is at most the distance from it to every centre under the bound but its own (+inf
// where there is no other). The bounds of a block of samples lie bound after bound, so that one vector tests many
// samples; a block is the range of one call of assign(), the same in every pass.
template <class T, bool PerCenter>
class GroupAssigner final : public Assigner<T> {
 public:
  GroupAssigner(Points<const T> x, Index n_clusters)
      : x_(x),
        origin_(at(x.n_features)),
        size_(kernel_.group_size),
        n_groups_((n_clusters + size_ - 1) / size_),
        bounds_per_group_(PerCenter ? size_ : 1),
        n_bounds_(n_groups_ * bounds_per_group_),
        order_(identity(n_clusters)),
        moves_(at(n_clusters), T{0}),
        bound_moves_(at(n_bounds_), T{0}),
        upper_(at(x.n_samples), infinity),
        bounds_(std::make_unique_for_overwrite<T[]>(at(x.n_samples * n_bounds_))),
        scratch_(at(parallel::n_threads())) {}

  void prepare(Points<const T> centers, std::span<const T> moves, Run&) override {
    centers_ = centers;
    if (!prepared_) {
      order_by_place(centers, std::span(order_), size_);
      moves = {};
    }
    prepared_ = true;
    mean_of(centers, origin_.data());
    lanes_ = pack_lanes<T>(centers, origin_.data(), order_);
    rounding_ = Rounding<T>(x_.n_features, largest_norm(centers, origin_.data()));
    std::fill(moves_.begin(), moves_.end(), T{0});
    std::fill(bound_moves_.begin(), bound_moves_.end(), T{0});
    for (std::size_t j = 0; j < moves.size(); ++j) {
      moves_[j] = moves[j];
      T& under = bound_moves_[at(bound_of(lanes_.lane_of[j]))];
      under = std::max(under, moves[j]);
    }
  }

  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    // Short enough for what is kept of a block to stay in the cache.
    const Index length = std::max<Index>(64, max_block / std::max<Index>(1, n_groups_ / 8));
    Index computed = 0;
    for (Index first = begin; first < end; first += length)
      computed += assign_block(first, std::min(end, first + length), scratch_[at(thread)], label);
    return computed;
  }

  void forget(Index i) override { upper_[at(i)] = infinity; }

 private:
  static constexpr T infinity = std::numeric_limits<T>::infinity();
  static constexpr Index max_block = 512;

  struct Group {
    std::vector<std::int32_t> list;  // the block's samples that need it
    std::vector<LaneBest<T>> best;   // what it has for them
    std::vector<T> values;           // all of it, where bounds are per centre
    Index n = 0;
  };
  struct Scratch {
    std::vector<std::uint8_t> open;
    std::vector<std::uint8_t> needed;
    std::vector<Group> group;
    std::vector<std::int32_t> index;  // samples that need a group
    ShiftedBlock<T> block;            // their rows
    std::vector<std::int32_t> slot;   // where in `index` a sample of the block is
    std::vector<T> own_sq;            // squared distance to their own centre, summed directly
    std::vector<T> value;             // smallest value found so far
    std::vector<T> doubt;             // error of |x|^2 + 2 v
    std::vector<std::int32_t> found;  // and its centre; -1: none
    std::vector<const T*> rows;
    std::vector<T> lane_values;
  };

  Index bound_of(Index lane) const { return PerCenter ? lane : lane / size_; }

  Index assign_block(Index begin, Index end, Scratch& own, std::int32_t* labels) {
    const Index n = end - begin;
    T* bounds = bounds_.get() + begin * n_bounds_;
    std::int32_t* label = labels + begin;
    if (!loosen(begin, n, bounds, label, own)) return 0;
    const Index needed = list_groups(begin, n, bounds, own);
    if (needed == 0) return 0;
    load_rows(begin, n, own);
    Index computed = 0;
    for (Index g = 0; g < n_groups_; ++g) computed += compute_group(g, own);
    const auto n_open = static_cast<Index>(own.index.size());
    for (Index s = 0; s < n_open; ++s) decide(s, own, label[own.index[at(s)] - begin]);
    for (Index g = 0; g < n_groups_; ++g) tighten_group(g, n, bounds, own);
    for (Index s = 0; s < n_open; ++s) settle(s, begin, n, bounds, label, own);
    return computed;
  }

  // Follows the moves of the centres; own distances are computed where a bound proves nothing. False: all proven.
  bool loosen(Index begin, Index n, T* bounds, const std::int32_t* label, Scratch& own) {
    constexpr T eps = std::numeric_limits<T>::epsilon();
    T* upper = upper_.data() + begin;
    own.open.resize(at(n));
    own.own_sq.resize(at(n));
    for (Index i = 0; i < n; ++i) {
      if (upper[i] < infinity) {
        upper[i] = (upper[i] + moves_[at(label[i])]) * (1 + 4 * eps);
        continue;
      }
      for (Index b = 0; b < n_bounds_; ++b) bounds[b * n + i] = 0;  // nothing is known of it
    }
    kernel_.drift(bounds, bound_moves_.data(), n_bounds_, upper, n, rounding_.scale, rounding_.shift, own.open.data());
    bool any = false;
    for (Index i = 0; i < n; ++i) {
      if (!own.open[at(i)]) continue;
      any = true;
      own.own_sq[at(i)] = infinity;
      if (label[i] < 0) continue;
      own.own_sq[at(i)] = distance::tile<T>().sq_dist(x_.row(begin + i), centers_.row(label[i]), x_.n_features);
      upper[i] = rounding_.root_up(own.own_sq[at(i)]);
    }
    return any;
  }

  // Lists per group the samples that need it; returns the number of (sample, group) pairs.
  Index list_groups(Index begin, Index n, const T* bounds, Scratch& own) {
    own.group.resize(at(n_groups_));
    own.needed.assign(at(n), 0);
    Index pairs = 0;
    for (Index g = 0; g < n_groups_; ++g) {
      Group& group = own.group[at(g)];
      group.list.resize(at(n + 1));
      group.n = kernel_.list_open(bounds + g * bounds_per_group_ * n, bounds_per_group_, upper_.data() + begin, n,
                                  rounding_.scale, rounding_.shift, own.open.data(), group.list.data());
      for (Index s = 0; s < group.n; ++s) own.needed[at(group.list[at(s)])] = 1;
      pairs += group.n;
    }
    return pairs;
  }

  void load_rows(Index begin, Index n, Scratch& own) {
    own.slot.resize(at(n));
    own.index.clear();
    for (Index i = 0; i < n; ++i) {
      if (!own.needed[at(i)]) continue;
      own.slot[at(i)] = static_cast<std::int32_t>(own.index.size());
      own.own_sq[own.index.size()] = own.own_sq[at(i)];  // now by slot
      own.index.push_back(static_cast<std::int32_t>(begin + i));
    }
    Samples<T> rows = samples(x_, origin_.data());
    rows.index = own.index.data();
    rows.n = static_cast<Index>(own.index.size());
    own.block.load(rows);
    own.value.assign(own.index.size(), infinity);
    own.found.assign(own.index.size(), -1);
    own.doubt.resize(own.index.size());
    for (std::size_t s = 0; s < own.index.size(); ++s) {
      const T x_sq = own.block.sq_norm[s];
      own.doubt[s] = rounding_.slack(std::sqrt(x_sq)) + rounding_.unit * x_sq;
    }
  }

  Index compute_group(Index g, Scratch& own) {
    Group& group = own.group[at(g)];
    if (group.n == 0) return 0;
    own.rows.resize(at(group.n));
    group.best.resize(at(group.n));
    if constexpr (PerCenter) group.values.resize(at(group.n * size_));
    for (Index s = 0; s < group.n; ++s) {
      std::int32_t& slot = group.list[at(s)];
      slot = own.slot[at(slot)];
      own.rows[at(s)] = own.block.row[at(slot)];
    }
    kernel_.best_of_group(own.rows.data(), group.n, lanes_.group(g), lanes_.group_start(g), x_.n_features,
                          group.best.data(), PerCenter ? group.values.data() : nullptr);
    const std::int32_t* center = lanes_.center.data() + g * size_;
    for (Index s = 0; s < group.n; ++s) {
      const LaneBest<T>& best = group.best[at(s)];
      const std::int32_t j = center[best.lane];
      T& value = own.value[at(group.list[at(s)])];
      std::int32_t& found = own.found[at(group.list[at(s)])];
      if (best.best < value || (best.best == value && j < found)) {
        value = best.best;
        found = j;
      }
    }
    return group.n * size_;
  }

  // Own centre or the best one found: settled by their squared distances where these differ by more than rounding,
  // otherwise by the values themselves.
  void decide(Index s, Scratch& own, std::int32_t a) {
    std::int32_t& found = own.found[at(s)];
    if (a < 0 || found == a) return;
    const T x_sq = own.block.sq_norm[at(s)];
    const T own_sq = own.own_sq[at(s)];
    const T sq = x_sq + 2 * own.value[at(s)];
    const T doubt = rounding_.slack(std::sqrt(own_sq)) + 2 * rounding_.unit * (x_sq + own_sq);
    if (sq < own_sq - doubt) return;
    if (sq <= own_sq + doubt) {
      const std::int32_t lane = lanes_.lane_of[at(a)];
      own.lane_values.resize(at(size_));
      kernel_.group_values(own.block.row[at(s)], lanes_.group(lane / size_), lanes_.group_start(lane / size_),
                           x_.n_features, own.lane_values.data());
      const T own_value = own.lane_values[at(lane % size_)];
      if (own.value[at(s)] < own_value || (own.value[at(s)] == own_value && found < a)) return;
    }
    found = a;
  }

  // New bounds where a group was computed.
  void tighten_group(Index g, Index n, T* bounds, Scratch& own) {
    const Group& group = own.group[at(g)];
    const std::int32_t* center = lanes_.center.data() + g * size_;
    const Index begin = own_begin(bounds);
    for (Index s = 0; s < group.n; ++s) {
      const auto slot = at(group.list[at(s)]);
      T* to = bounds + g * bounds_per_group_ * n + (own.index[slot] - begin);
      const T base = own.block.sq_norm[slot] - own.doubt[slot];
      if constexpr (PerCenter) {
        const T* value = group.values.data() + s * size_;
        for (Index l = 0; l < size_; ++l)
          to[l * n] =
              center[l] < 0 || center[l] == own.found[slot] ? infinity : rounding_.root_down(base + 2 * value[l]);
      } else {
        const LaneBest<T>& best = group.best[at(s)];
        *to = rounding_.root_down(base + 2 * (center[best.lane] == own.found[slot] ? best.second : best.best));
      }
    }
  }

  Index own_begin(const T* bounds) const { return (bounds - bounds_.get()) / n_bounds_; }

  // The label, the upper bound, and the old centre back under its bound.
  void settle(Index s, Index begin, Index n, T* bounds, std::int32_t* label, Scratch& own) {
    const Index i = own.index[at(s)] - begin;
    const std::int32_t a = label[i];
    const std::int32_t found = own.found[at(s)];
    if (found == a) return;
    label[i] = found;
    upper_[at(begin + i)] =
        rounding_.root_up(distance::tile<T>().sq_dist(x_.row(begin + i), centers_.row(found), x_.n_features));
    if (a < 0) return;
    const T distance = rounding_.root_down(own.own_sq[at(s)]);
    T& bound = bounds[bound_of(lanes_.lane_of[at(a)]) * n + i];
    bound = PerCenter ? distance : std::min(bound, distance);
  }

  const CentroidKernels<T>& kernel_ = kernels<T>();
  Points<const T> x_;
  Points<const T> centers_;
  std::vector<T> origin_;
  Index size_, n_groups_, bounds_per_group_, n_bounds_;
  std::vector<std::int32_t> order_;
  CenterLanes<T> lanes_;
  Rounding<T> rounding_;
  std::vector<T> moves_, bound_moves_;
  bool prepared_ = false;
  std::vector<T> upper_;
  std::unique_ptr<T[]> bounds_;  // not touched before the first pass, which runs in parallel and can be interrupted
  std::vector<Scratch> scratch_;
};

}  // namespace

template <class T>
Rounding<T>::Rounding(Index n_features, T c_max)
    : unit(static_cast<T>(n_features + 8) * std::numeric_limits<T>::epsilon()),
      scale(4 * unit * c_max),
      floor(static_cast<T>(4 * (n_features + 8)) * std::numeric_limits<T>::min()),
      shift(2 * c_max + (scale > 0 ? floor / scale : T{0})) {}

template <class T>
std::unique_ptr<Assigner<T>> make_assigner(Algorithm algorithm, const Rows<T>& rows, Index n_clusters) {
  if (rows.sparse()) return std::make_unique<SparseAssigner<T>>(rows);
  const Points<const T> x = rows.dense;
  switch (algorithm) {
    case Algorithm::hamerly:
      return std::make_unique<HamerlyAssigner<T>>(x, n_clusters);
    case Algorithm::yinyang:
      return std::make_unique<GroupAssigner<T, false>>(x, n_clusters);
    case Algorithm::elkan:
      return std::make_unique<GroupAssigner<T, true>>(x, n_clusters);
    default:
      break;
  }
  if (few_centers<T>(n_clusters, x.n_features)) return std::make_unique<LanesAssigner<T>>(x, n_clusters);
  return std::make_unique<TileAssigner<T>>(x, n_clusters);
}

template <class T>
Index bounds_size(Algorithm algorithm, Index n_samples, Index n_clusters) {
  const Index size = kernels<T>().group_size;
  const Index groups = (n_clusters + size - 1) / size;
  switch (algorithm) {
    case Algorithm::hamerly:
      return 2 * n_samples;
    case Algorithm::yinyang:
      return n_samples * (groups + 1);
    case Algorithm::elkan:
      return n_samples * (groups * size + 1);
    default:
      return 0;
  }
}

template <class T>
void mean_of(Points<const T> centers, T* origin) {
  const Index d = centers.n_features;
  std::vector<double> sum(at(d), 0.0);
  std::vector<T> low(centers.row(0), centers.row(0) + d);
  std::vector<T> high = low;
  for (Index j = 0; j < centers.n_samples; ++j)
    for (Index p = 0; p < d; ++p) {
      const T value = centers.row(j)[p];
      sum[at(p)] += static_cast<double>(value);
      low[at(p)] = std::min(low[at(p)], value);
      high[at(p)] = std::max(high[at(p)], value);
    }
  for (Index p = 0; p < d; ++p) {
    const double range = static_cast<double>(high[at(p)]) - static_cast<double>(low[at(p)]);
    if (!(range > 0)) {
      origin[p] = low[at(p)];
      continue;
    }
    // A 16th of the range or less, down to a power of two.
    const double step = std::ldexp(1.0, std::max(std::ilogb(range) - 4, -1074));
    const double mean = sum[at(p)] / static_cast<double>(centers.n_samples);
    origin[p] = static_cast<T>(std::nearbyint(mean / step) * step);
  }
}

template <class T>
Index assign_block_length(const Rows<T>& x) {
  return parallel::blocks_of(x.n_samples, x.row_bytes(), std::size_t{1} << 16).length;
}

template <class T>
double assign_work(const Rows<T>& x, Index n_clusters) {
  return 0.03 * x.size() * static_cast<double>(n_clusters + 8);
}

template <class T>
void assign_all(const Rows<T>& x, Points<const T> centers, std::span<std::int32_t> labels, Run& run) {
  const auto assigner = make_assigner(Algorithm::lloyd, x, centers.n_samples);
  assigner->prepare(centers, {}, run);
  const parallel::Blocks blocks{x.n_samples, assign_block_length(x)};
  parallel::for_blocks(blocks, run, assign_work(x, centers.n_samples), [&](Index b, int thread) {
    assigner->assign(blocks.begin(b), blocks.end(b), thread, labels.data());
  });
}

#define SHOAL_INSTANTIATE(T)                                                             \
  template struct Rounding<T>;                                                           \
  template std::unique_ptr<Assigner<T>> make_assigner(Algorithm, const Rows<T>&, Index); \
  template Index bounds_size<T>(Algorithm, Index, Index);                                \
  template void mean_of(Points<const T>, T*);                                            \
  template Index assign_block_length(const Rows<T>&);                                    \
  template double assign_work(const Rows<T>&, Index);                                    \
  template void assign_all(const Rows<T>&, Points<const T>, std::span<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
