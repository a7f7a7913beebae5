// Assignment with bounds on groups of centres (Yinyang; Ding et al. 2015) or on each (Elkan 2003).
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/large_pages.hpp"
#include "centroid/assigners.hpp"
#include "distance/tile.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using distance::Samples;
using distance::samples;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

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
        scratch_(at(parallel::n_threads())) {
    base::on_large_pages(bounds_.get(), at(x.n_samples * n_bounds_) * sizeof(T));
  }

  void prepare(Points<const T> centers, std::span<const T> moves, Run&) override {
    centers_ = centers;
    if (!prepared_) {
      order_by_place(centers, std::span(order_), size_);
      moves = {};
    }
    prepared_ = true;
    middle_of(centers, origin_.data());
    proof_.prepare(centers, origin_.data());
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
    std::vector<T> second;            // and the smallest of all others
    std::vector<T> doubt;             // error of |x|^2 + 2 v
    std::vector<std::int32_t> found;  // and its centre; -1: none
    std::vector<const T*> rows;
    std::vector<T> value_of_center;
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
    own.second.assign(own.index.size(), infinity);
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
                          group.best.data(), PerCenter ? group.values.data() : nullptr, {});
    const std::int32_t* center = lanes_.center.data() + g * size_;
    for (Index s = 0; s < group.n; ++s) {
      const LaneBest<T>& best = group.best[at(s)];
      const std::int32_t j = center[best.lane];
      T& value = own.value[at(group.list[at(s)])];
      T& second = own.second[at(group.list[at(s)])];
      std::int32_t& found = own.found[at(group.list[at(s)])];
      if (best.best < value || (best.best == value && j < found)) {
        second = std::min(value, best.second);
        value = best.best;
        found = j;
      } else {
        second = std::min(second, best.best);
      }
    }
    return group.n * size_;
  }

  // The own centre or the best one found: what is nearer by more than rounding can hide. Centres that were not computed
  // are further than the own by as much; where nothing is proven, distances are compared.
  void decide(Index s, Scratch& own, std::int32_t a) {
    std::int32_t& found = own.found[at(s)];
    const T x_sq = own.block.sq_norm[at(s)];
    const bool proven = proof_.holds(rounding_.root_up(x_sq), own.value[at(s)], own.second[at(s)]);
    if (a < 0 || found == a) {
      if (proven) return;
    } else {
      const T own_sq = own.own_sq[at(s)];
      const T sq = x_sq + 2 * own.value[at(s)];
      const T doubt = rounding_.slack(std::sqrt(own_sq)) + 2 * rounding_.unit * (x_sq + own_sq);
      if (sq > own_sq + doubt) {
        found = a;
        return;
      }
      if (proven && sq < own_sq - doubt) return;
    }
    found = compare_distances(x_.row(own.index[at(s)]), centers_, own.value_of_center);
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
  Proof<T> proof_;
  std::vector<T> moves_, bound_moves_;
  bool prepared_ = false;
  std::vector<T> upper_;
  std::unique_ptr<T[]> bounds_;  // not touched before the first pass, which runs in parallel and can be interrupted
  std::vector<Scratch> scratch_;
};

}  // namespace

template <class T>
std::unique_ptr<Assigner<T>> make_yinyang(Points<const T> x, Index n_clusters) {
  return std::make_unique<GroupAssigner<T, false>>(x, n_clusters);
}

template <class T>
std::unique_ptr<Assigner<T>> make_elkan(Points<const T> x, Index n_clusters) {
  return std::make_unique<GroupAssigner<T, true>>(x, n_clusters);
}

#define SHOAL_INSTANTIATE(T)                                                  \
  template std::unique_ptr<Assigner<T>> make_yinyang(Points<const T>, Index); \
  template std::unique_ptr<Assigner<T>> make_elkan(Points<const T>, Index);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
