// All distances between n clusters, one triangle: row i holds those to j > i, as SciPy's condensed vector does.
//
// Memory: n (n - 1) / 2 values of T, on large pages where the system has them (half of all looks are down a column,
// each on a page of its own otherwise).
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "hierarchy/kernels.hpp"
#include "parallel/run.hpp"

namespace shoal::hierarchy {

/// Distances between rows: those of `norm`, roots taken. `half_square`: half the squared Euclidean distance instead,
/// the cosine distance of unit rows.
struct Metric {
  Norm norm = Norm::sq_euclidean;
  double p = 2;
  bool half_square = false;
};

/// Rows feature by feature, padded to whole vectors.
class FeatureMajor {
 public:
  explicit FeatureMajor(Points<const double> x);
  Columns columns() const { return {data_.data(), stride_, d_}; }
  double* feature(Index f) { return data_.data() + f * stride_; }

 private:
  Index stride_, d_;
  std::vector<double> data_;
};

/// distances[j - begin] = distance of row `i` of x to row j in [begin, end).
void distances_to(const Metric& metric, const FeatureMajor& columns, Points<const double> x, Index i, Index begin,
                  Index end, double* distances);

/// The same for rows [first, last): out[(i - first) * stride + j - begin].
void distances_between(const Metric& metric, const FeatureMajor& columns, Points<const double> x, Index first,
                       Index last, Index begin, Index end, double* out, Index stride);

/// What two samples of these weights add to the sum of squares when they become one, over their distance; Ward's.
inline double ward_factor(double a, double b) {
  return std::sqrt(2 * a * b / (a + b));
}

template <class T>
class Triangle {
 public:
  /// Room for n clusters; values unset.
  explicit Triangle(Index n);
  /// Of all pairs of rows. O(n^2 d / 2), in parallel. Reports progress as stage "distances".
  Triangle(const Metric& metric, Points<const double> x, Run& run);
  /// A copy of SciPy's condensed vector.
  template <class S>
  Triangle(std::span<const S> condensed, Index n, Run& run);

  Index n() const { return n_; }
  /// row(i)[j] is the distance between i and j > i.
  T* row(Index i) { return data_.get() + (i * n_ - i * (i + 1) / 2 - i - 1); }
  const T* row(Index i) const { return data_.get() + (i * n_ - i * (i + 1) / 2 - i - 1); }
  /// Row after row, without gaps.
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& at(Index i, Index j) { return i < j ? row(i)[j] : row(j)[i]; }
  /// Leaves the clusters kept[0] < kept[1] < ... under the numbers 0, 1, ...
  void keep(std::span<const std::int32_t> kept, Run& run);
  /// Multiplies all distances by their ward_factor.
  void weigh_for_ward(Weights<double> weight, Run& run);
  /// Takes what has been written to data() as the triangle of m <= n clusters.
  void shrink(Index m);

 private:
  struct Free {
    std::size_t bytes = 0;
    void operator()(T* p) const;
  };
  Index n_;
  std::unique_ptr<T, Free> data_;
};

}  // namespace shoal::hierarchy
