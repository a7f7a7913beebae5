#include "metrics/information.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include "parallel/parallel_for.hpp"

namespace shoal::metrics {
namespace {

/// log(m) for the small m that most cells hold.
constexpr std::int64_t table_size = 4096;
const std::array<double, table_size>& log_table() {
  static const auto table = [] {
    std::array<double, table_size> logs{};
    for (std::int64_t m = 1; m < table_size; ++m) logs[static_cast<std::size_t>(m)] = std::log(static_cast<double>(m));
    return logs;
  }();
  return table;
}

template <class C>
double log_count(C count, const std::array<double, table_size>& logs) {
  if constexpr (std::is_integral_v<C>)
    if (count < table_size) return logs[static_cast<std::size_t>(count)];
  return std::log(static_cast<double>(count));
}

template <class C>
C sum(std::span<const C> values) {
  C total{};
  for (C v : values) total += v;
  return total;
}

/// The distinct values of `totals`, ascending, and how often each occurs.
struct Group {
  std::int64_t total;
  std::int64_t times;
};
std::vector<Group> grouped(std::span<const std::int64_t> totals) {
  std::vector<std::int64_t> sorted(totals.begin(), totals.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<Group> groups;
  for (std::int64_t total : sorted) {
    if (groups.empty() || groups.back().total != total) groups.push_back({total, 0});
    ++groups.back().times;
  }
  return groups;
}

/// E[m log(m / mu)] for a hypergeometric m with mean mu = a b / n.
///
/// Computed as E[f(m)] with f(m) = m log(m / mu) - m + mu: the same, since E[m] = mu, but every term is >= 0, so
/// nothing cancels. Probabilities come from the ratio of neighbours, outwards from the mode (weight 1), and are
/// normalised by their sum: no factorials, whose logarithms would cost nine digits at n = 1e6.
double expected_cell(std::int64_t a, std::int64_t b, std::int64_t n, const std::array<double, table_size>& logs) {
  // Below this weight what is left of a tail cannot reach the last bit of either sum.
  constexpr double negligible = 1e-20;
  // With a mean up to this the window ends far below table_size, and the plain form loses no more than 1e-13.
  constexpr double small_mean = 64;

  const double da = static_cast<double>(a), db = static_cast<double>(b);
  const double ab = da * db, mu = ab / static_cast<double>(n), log_mu = std::log(mu);
  const std::int64_t low = std::max<std::int64_t>(0, a + b - n), high = std::min(a, b);
  const std::int64_t mode = std::clamp((a + 1) * (b + 1) / (n + 2), low, high);
  const double rest = static_cast<double>(n - a - b);  // of the samples: in neither cluster, less the overlap

  const auto f_small = [&](std::int64_t m) {
    const double dm = static_cast<double>(m);
    return dm * (logs[static_cast<std::size_t>(m)] - log_mu) - dm + mu;
  };
  const auto f_large = [&](std::int64_t m) {
    if (m == 0) return mu;
    const double x = static_cast<double>(m * n - a * b) / ab;  // m / mu - 1, the difference taken exactly
    return mu * ((1.0 + x) * std::log1p(x) - x);
  };
  const auto expectation = [&](auto&& f) {
    double mass = 1.0, total = f(mode), weight = 1.0;
    for (std::int64_t m = mode; m < high; ++m) {
      const double dm = static_cast<double>(m);
      weight *= (da - dm) * (db - dm) / ((dm + 1.0) * (rest + dm + 1.0));
      if (weight < negligible) break;
      mass += weight;
      total += weight * f(m + 1);
    }
    weight = 1.0;
    for (std::int64_t m = mode; m > low; --m) {
      const double dm = static_cast<double>(m);
      weight *= dm * (rest + dm) / ((da - dm + 1.0) * (db - dm + 1.0));
      if (weight < negligible) break;
      mass += weight;
      total += weight * f(m - 1);
    }
    return total / mass;
  };
  return mu <= small_mean ? expectation(f_small) : expectation(f_large);
}

}  // namespace

template <class C>
double mutual_information(const Cells<C>& cells, Run& run) {
  const auto n_rows = static_cast<std::ptrdiff_t>(cells.row_total.size());
  if (n_rows <= 1 || cells.column_total.size() <= 1) return 0.0;
  const auto& logs = log_table();
  const C n = sum(cells.row_total);
  const double dn = static_cast<double>(n), log_n = std::log(dn);
  std::vector<double> log_column(cells.column_total.size());
  for (std::size_t c = 0; c < log_column.size(); ++c) log_column[c] = log_count(cells.column_total[c], logs);

  const auto blocks = parallel::blocks_at_most(n_rows, 256, 8);
  const double work = 3.0 * static_cast<double>(cells.count.size());
  const double total = parallel::sum_blocks<double>(blocks, run, work, [&](std::ptrdiff_t block, int) {
    double part = 0.0;
    for (auto r = static_cast<std::size_t>(blocks.begin(block)); r < static_cast<std::size_t>(blocks.end(block)); ++r) {
      const C row_total = cells.row_total[r];
      const double log_row = log_count(row_total, logs) - log_n;
      double row = 0.0;
      for (auto i = static_cast<std::size_t>(cells.row_start[r]); i < static_cast<std::size_t>(cells.row_start[r + 1]);
           ++i) {
        const C count = cells.count[i];
        const auto column = static_cast<std::size_t>(cells.column[i]);
        if (count * n == row_total * cells.column_total[column]) continue;  // as expected: exactly no information
        row += static_cast<double>(count) * (log_count(count, logs) - log_row - log_column[column]);
      }
      part += row;
    }
    return part;
  });
  return std::max(total / dn, 0.0);
}

template <class C>
double entropy(std::span<const C> totals) {
  if (totals.size() <= 1) return 0.0;
  const auto& logs = log_table();
  const double n = static_cast<double>(sum(totals)), log_n = std::log(n);
  double total = 0.0;
  for (C count : totals) total += static_cast<double>(count) * (log_n - log_count(count, logs));
  return total / n;
}

double expected_mutual_information(std::span<const std::int64_t> row_total, std::span<const std::int64_t> column_total,
                                   Run& run) {
  if (row_total.size() <= 1 || column_total.size() <= 1) return 0.0;
  const std::int64_t n = sum(row_total);
  const auto& logs = log_table();
  const std::vector<Group> rows = grouped(row_total), columns = grouped(column_total);
  const auto n_columns = static_cast<std::ptrdiff_t>(columns.size());
  const auto blocks = parallel::Blocks{static_cast<std::ptrdiff_t>(rows.size()) * n_columns, 8};
  const double total =
      parallel::sum_blocks<double>(blocks, run, 400.0 * static_cast<double>(blocks.n), [&](std::ptrdiff_t block, int) {
        double part = 0.0;
        for (auto pair = blocks.begin(block); pair < blocks.end(block); ++pair) {
          const Group row = rows[static_cast<std::size_t>(pair / n_columns)];
          const Group column = columns[static_cast<std::size_t>(pair % n_columns)];
          part += static_cast<double>(row.times) * static_cast<double>(column.times) *
                  expected_cell(row.total, column.total, n, logs);
        }
        return part;
      });
  return total / static_cast<double>(n);
}

template double mutual_information(const Cells<std::int64_t>&, Run&);
template double mutual_information(const Cells<double>&, Run&);
template double entropy(std::span<const std::int64_t>);
template double entropy(std::span<const double>);

}  // namespace shoal::metrics
