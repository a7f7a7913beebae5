// The samples of the k-means family: dense rows or compressed sparse rows (CSR), behind one set of row operations.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/points.hpp"
#include "centroid/kernels.hpp"
#include "centroid/row_hash.hpp"

namespace shoal::centroid {

/// Row i has the values value[p] in columns column[p], p in [start[i], start[i + 1]); columns ascend, none twice.
template <class T>
struct Csr {
  const T* value = nullptr;
  const std::int32_t* column = nullptr;
  const std::int32_t* start = nullptr;
};

template <class T>
struct Rows {
  Points<const T> dense;
  Csr<T> csr;
  Index n_samples = 0;
  Index n_features = 0;

  Rows() = default;
  Rows(Points<const T> x) : dense(x), n_samples(x.n_samples), n_features(x.n_features) {}
  Rows(Csr<T> x, Index samples, Index features) : csr(x), n_samples(samples), n_features(features) {}

  bool sparse() const { return csr.start != nullptr; }
  /// Stored values: what a pass over the data reads.
  double size() const {
    return sparse() ? static_cast<double>(csr.start[n_samples]) : static_cast<double>(dense.size());
  }
  /// Average bytes of a row.
  std::size_t row_bytes() const {
    if (!sparse()) return static_cast<std::size_t>(n_features) * sizeof(T);
    const auto stored = static_cast<std::size_t>(csr.start[n_samples]) / static_cast<std::size_t>(n_samples);
    return (stored + 1) * (sizeof(T) + sizeof(std::int32_t));
  }

  /// sum[p - begin] += factor * (row - origin)[p] for features [begin, end). A sparse row's origin must be zero.
  void add(double* sum, Index i, const T* origin, double factor, Index begin, Index end) const {
    if (!sparse()) return kernels<T>().add_row(sum, dense.row(i) + begin, origin + begin, factor, end - begin);
    const auto* last = csr.column + csr.start[i + 1];
    for (const auto* c = std::lower_bound(csr.column + csr.start[i], last, begin); c != last && *c < end; ++c)
      sum[*c - begin] += factor * static_cast<double>(csr.value[c - csr.column]);
  }

  /// For rows [begin, end): sum += weight * (row - origin), sum_sq += weight * (row - origin)^2.
  void add_moments(double* sum, double* sum_sq, Index begin, Index end, const T* origin, Weights<T> weight) const {
    if (!sparse())
      return kernels<T>().add_moments(sum, sum_sq, dense.row(begin), end - begin, n_features, origin,
                                      weight ? weight.data + begin : nullptr);
    for (Index i = begin; i < end; ++i)
      for (auto p = csr.start[i]; p < csr.start[i + 1]; ++p) {
        const auto value = static_cast<double>(csr.value[p]);
        const double weighted = static_cast<double>(weight[i]) * value;
        sum[csr.column[p]] += weighted;
        sum_sq[csr.column[p]] += weighted * value;
      }
  }

  /// Squared distance to a centre whose squared norm is given (used by sparse rows only).
  T sq_dist(Index i, const T* center, double center_sq_norm) const {
    if (!sparse()) return distance::tile<T>().sq_dist(dense.row(i), center, n_features);
    double sum = center_sq_norm;
    for (auto p = csr.start[i]; p < csr.start[i + 1]; ++p) {
      const auto x = static_cast<double>(csr.value[p]);
      sum += x * (x - 2 * static_cast<double>(center[csr.column[p]]));
    }
    return sum > 0 ? static_cast<T>(sum) : T{0};
  }

  double sq_norm(Index i) const {
    double sum = 0;
    if (sparse()) {
      for (auto p = csr.start[i]; p < csr.start[i + 1]; ++p)
        sum += static_cast<double>(csr.value[p]) * static_cast<double>(csr.value[p]);
    } else {
      for (Index p = 0; p < n_features; ++p)
        sum += static_cast<double>(dense.row(i)[p]) * static_cast<double>(dense.row(i)[p]);
    }
    return sum;
  }

  /// The row written out.
  void copy(Index i, T* out) const {
    if (!sparse()) {
      for (Index p = 0; p < n_features; ++p) out[p] = dense.row(i)[p];
      return;
    }
    for (Index p = 0; p < n_features; ++p) out[p] = 0;
    for (auto p = csr.start[i]; p < csr.start[i + 1]; ++p) out[csr.column[p]] += csr.value[p];
  }

  /// Depends on the row's non-zero values and their columns alone: equal rows, dense or sparse, have equal hashes.
  std::uint64_t hash(Index i) const {
    std::uint64_t sum = 0;
    if (sparse()) {
      for (auto p = csr.start[i]; p < csr.start[i + 1]; ++p)
        sum += hash_part(csr.value[p]) * hash_key(static_cast<std::uint64_t>(csr.column[p]));
    } else {
      for (Index p = 0; p < n_features; ++p)
        sum += hash_part(dense.row(i)[p]) * hash_key(static_cast<std::uint64_t>(p));
    }
    return hash_end(sum);
  }
};

}  // namespace shoal::centroid
