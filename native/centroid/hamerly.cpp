// Assignment with one bound per sample (Hamerly 2010).
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
    middle_of(centers, origin_.data());
    proof_.prepare(centers, origin_.data());
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
      if (!proof_.holds(upper_[at(i)] + proof_.norm(a), own.value[at(s)], own.second[at(s)])) {
        label[i] = compare_distances(x_.row(i), centers_, own.value_of_center);
        if (label[i] != a) {
          forget(i);
          continue;
        }
      }
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
    std::vector<T> value, second, value_of_center;
    AlignedVector<T> tile;
  };
  Points<const T> x_;
  Points<const T> centers_;
  std::vector<T> origin_;
  PackedRows<T> rows_;
  Rounding<T> rounding_;
  Proof<T> proof_;
  std::vector<T> moves_;
  T largest_ = 0, second_ = 0;
  std::int32_t fastest_ = 0;
  bool prepared_ = false;
  std::vector<T> upper_, lower_;
  std::vector<Scratch> scratch_;
};

}  // namespace

template <class T>
std::unique_ptr<Assigner<T>> make_hamerly(Points<const T> x, Index n_clusters) {
  return std::make_unique<HamerlyAssigner<T>>(x, n_clusters);
}

template std::unique_ptr<Assigner<float>> make_hamerly(Points<const float>, Index);
template std::unique_ptr<Assigner<double>> make_hamerly(Points<const double>, Index);

}  // namespace shoal::centroid
