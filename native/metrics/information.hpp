// Mutual information, entropies, and the mutual information expected by chance. All in nats.
//
// With cells c_ij, row totals a_i, column totals b_j and N their sum:
//   MI  = sum_ij c_ij / N * log(N c_ij / (a_i b_j))
//   H_a = - sum_i a_i / N * log(a_i / N)
//   E[MI] under the permutation model (both sets of totals fixed), where a cell is hypergeometric:
//       = sum_ij sum_m (m / N) log(N m / (a_i b_j)) P(m; N, a_i, b_j)
// Vinh, Epps, Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010.
//
// Cost: MI is linear in the cells. E[MI] looks at each pair of *distinct* totals once (at most sqrt(2N) on either
// side) and at the values of m that carry probability, a window of about 20 standard deviations around the mode.
// Memory: O(rows + columns). Sums run over fixed blocks in order: the same bits for any number of threads.
#pragma once
#include <cstdint>
#include <span>

#include "parallel/run.hpp"

namespace shoal::metrics {

template <class C>
struct Cells {
  std::span<const std::int64_t> row_start;  // n_rows + 1
  std::span<const std::int32_t> column;
  std::span<const C> count;
  std::span<const C> row_total;
  std::span<const C> column_total;
};

/// Exactly 0 when N c_ij = a_i b_j in every cell; never negative. Precondition: totals are sums of the cells, N > 0.
template <class C>
double mutual_information(const Cells<C>& cells, Run& run);

/// Entropy of a labeling with these cluster sizes; 0 for a single cluster. Precondition: totals > 0.
template <class C>
double entropy(std::span<const C> totals);

/// Preconditions: both sets of totals are positive and have the same sum N <= 3e9.
double expected_mutual_information(std::span<const std::int64_t> row_total, std::span<const std::int64_t> column_total,
                                   Run& run);

}  // namespace shoal::metrics
