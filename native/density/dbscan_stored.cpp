// DBSCAN of stored distances: a matrix of all, or a graph of some.
#include "density/dbscan.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {
namespace {

// scikit-learn's expansion. for_reach(i, visit) calls visit(j) for the samples j within reach of sample i.
template <class ForReach>
DbscanResult expand(Index n, std::span<const double> weight, double min_samples, double row_work, Run& run,
                    ForReach&& for_reach) {
  std::vector<std::uint8_t> core(static_cast<std::size_t>(n));
  const parallel::Blocks blocks =
      parallel::blocks_of(n, static_cast<std::size_t>(row_work) + 1, std::size_t{1} << 18, 1);
  parallel::for_blocks(blocks, run, row_work * static_cast<double>(n), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      double sum = 0;
      for_reach(i, [&](Index j) { sum += weight.empty() ? 1.0 : weight[static_cast<std::size_t>(j)]; });
      core[static_cast<std::size_t>(i)] = sum >= min_samples;
    }
  });
  DbscanResult result;
  result.labels.assign(static_cast<std::size_t>(n), -1);
  std::vector<std::int32_t> stack;
  std::int32_t label = 0;
  for (Index i = 0; i < n; ++i) {
    run.progress("expanding", static_cast<double>(i + 1), static_cast<double>(n));
    if (!core[static_cast<std::size_t>(i)]) continue;
    result.core_samples.push_back(i);
    if (result.labels[static_cast<std::size_t>(i)] != -1) continue;
    // a sample is labelled when it is put on the stack, so it is there once
    result.labels[static_cast<std::size_t>(i)] = label;
    stack.push_back(static_cast<std::int32_t>(i));
    while (!stack.empty()) {
      const Index at = stack.back();
      stack.pop_back();
      run.checkpoint();
      for_reach(at, [&](Index j) {
        std::int32_t& mine = result.labels[static_cast<std::size_t>(j)];
        if (mine != -1) return;
        mine = label;
        if (core[static_cast<std::size_t>(j)]) stack.push_back(static_cast<std::int32_t>(j));
      });
    }
    ++label;
  }
  return result;
}

}  // namespace

template <class T>
DbscanResult dbscan_precomputed(Points<const T> x, std::span<const double> weight, double eps, double min_samples,
                                Run& run) {
  const Index n = x.n_samples;
  return expand(n, weight, min_samples, static_cast<double>(n), run, [&](Index i, auto&& visit) {
    const T* row = x.row(i);
    for (Index j = 0; j < n; ++j)
      if (static_cast<double>(row[j]) <= eps) visit(j);
  });
}

template <class T>
DbscanResult dbscan_graph(std::span<const T> values, std::span<const std::int32_t> columns,
                          std::span<const std::int32_t> row_start, std::span<const double> weight, double eps,
                          double min_samples, Run& run) {
  const auto n = static_cast<Index>(row_start.size()) - 1;
  const double per_row = static_cast<double>(values.size()) / static_cast<double>(std::max<Index>(n, 1));
  return expand(n, weight, min_samples, per_row, run, [&](Index i, auto&& visit) {
    const auto end = static_cast<std::size_t>(row_start[static_cast<std::size_t>(i) + 1]);
    for (auto at = static_cast<std::size_t>(row_start[static_cast<std::size_t>(i)]); at < end; ++at)
      if (static_cast<double>(values[at]) <= eps) visit(columns[at]);
  });
}

#define SHOAL_INSTANTIATE(T)                                                                                           \
  template DbscanResult dbscan_precomputed(Points<const T>, std::span<const double>, double, double, Run&);            \
  template DbscanResult dbscan_graph(std::span<const T>, std::span<const std::int32_t>, std::span<const std::int32_t>, \
                                     std::span<const double>, double, double, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::density
