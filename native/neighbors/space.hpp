// The distance between two rows, exactly as every neighbour search of this room reports it.
//
// A search may look at pairs in any form that is fast, with a bound on its rounding; what it keeps it computes here:
// direct differences, summed in double in a fixed order, the same bits at every instruction-set level.
#pragma once
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/points.hpp"
#include "distance/tile.hpp"
#include "distance/unit.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {

enum class Norm { euclidean, cosine, manhattan, chebyshev, minkowski };

/// "euclidean", "cosine", "manhattan", "chebyshev" or "minkowski"; throws std::invalid_argument.
inline Norm norm_from_name(std::string_view name) {
  if (name == "euclidean") return Norm::euclidean;
  if (name == "cosine") return Norm::cosine;
  if (name == "manhattan") return Norm::manhattan;
  if (name == "chebyshev") return Norm::chebyshev;
  if (name == "minkowski") return Norm::minkowski;
  throw std::invalid_argument("unknown metric '" + std::string(name) + "'");
}

/// The form of the tile that computes what the terms of a norm add up to, by differences; of minkowski there is none.
inline distance::Form form_of(Norm norm) {
  switch (norm) {
    case Norm::manhattan:
      return distance::Form::manhattan;
    case Norm::chebyshev:
      return distance::Form::chebyshev;
    default:
      return distance::Form::sq_euclidean;
  }
}

/// Rows as the metric sees them: the caller's, or for the cosine a copy scaled to unit length, in which rows of zeros
/// point along a feature of their own (distance 1 from all others, 0 from each other).
template <class T>
class Space {
 public:
  /// Precondition: p >= 1 for minkowski. `zero_feature` (cosine): adds the feature of rows of zeros.
  Space(Norm norm, double p, Points<const T> rows, bool zero_feature, Run& run) : norm_(norm), p_(p), rows_(rows) {
    if (norm != Norm::cosine) return;
    const Index d = rows.n_features + (zero_feature ? 1 : 0);
    copy_.resize(static_cast<std::size_t>(rows.n_samples * d));
    const auto blocks = parallel::blocks_of(rows.n_samples, static_cast<std::size_t>(d) * sizeof(T));
    parallel::for_blocks(blocks, run, 2.0 * static_cast<double>(rows.size()), [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
        T* out = copy_.data() + i * d;
        const bool has_direction = distance::scale_to_unit(rows.row(i), nullptr, rows.n_features, out);
        if (zero_feature) out[d - 1] = has_direction ? T{0} : T{1};
      }
    });
    rows_ = {copy_.data(), rows.n_samples, d};
  }
  /// Rows that are already as `like` sees its own.
  Space(const Space& like, Points<const T> rows) : norm_(like.norm_), p_(like.p_), rows_(rows) {}
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  Points<const T> rows() const { return rows_; }
  Norm norm() const { return norm_; }
  double p() const { return p_; }

  /// The metric from what its terms add up to, and back; both rise with their argument.
  double from_sum(double sum) const {
    switch (norm_) {
      case Norm::euclidean:
        return std::sqrt(sum);
      case Norm::cosine:
        return sum / 2;
      case Norm::minkowski:
        return std::pow(sum, 1 / p_);
      default:
        return sum;
    }
  }
  double to_sum(double distance) const {
    switch (norm_) {
      case Norm::euclidean:
        return distance * distance;
      case Norm::cosine:
        return distance * 2;
      case Norm::minkowski:
        return std::pow(distance, p_);
      default:
        return distance;
    }
  }

  template <class A, class B>
  double sum(const A* a, const B* b) const {
    const Index d = rows_.n_features;
    switch (norm_) {
      case Norm::manhattan:
        return add(a, b, d, [](double t) { return std::abs(t); });
      case Norm::minkowski:
        return add(a, b, d, [p = p_](double t) { return std::pow(std::abs(t), p); });
      case Norm::chebyshev: {
        double most = 0;
        for (Index f = 0; f < d; ++f)
          most = std::max(most, std::abs(static_cast<double>(a[f]) - static_cast<double>(b[f])));
        return most;
      }
      default:
        return add(a, b, d, [](double t) { return t * t; });
    }
  }
  template <class A, class B>
  double distance(const A* a, const B* b) const {
    return from_sum(sum(a, b));
  }
  /// What obeys the triangle inequality: the metric itself, but for the cosine the distance of the unit rows.
  double length(double sum) const { return norm_ == Norm::cosine ? std::sqrt(sum) : from_sum(sum); }

 private:
  template <class A, class B, class Term>
  static double add(const A* a, const B* b, Index d, Term&& term) {
    // one feature after the other, as the k-d tree sums
    double sum = 0;
    for (Index f = 0; f < d; ++f) sum += term(static_cast<double>(a[f]) - static_cast<double>(b[f]));
    return sum;
  }

  Norm norm_;
  double p_;
  std::vector<T> copy_;
  Points<const T> rows_;
};

}  // namespace shoal::neighbors
