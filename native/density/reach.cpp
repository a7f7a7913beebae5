#include "density/reach.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "distance/unit.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::density {

const ReachKernels& reach_kernels(Norm norm, Index n_features) {
  const ReachTable& table = SHOAL_PICK_TABLE(reach_table);
  const Index column = n_features <= ReachTable::n_fixed ? n_features - 1 : ReachTable::n_fixed;
  return table.kernels[static_cast<int>(norm)][column];
}

Reach reach_of(std::string_view metric, double eps, double p) {
  if (metric == "euclidean") return {Norm::sq_euclidean, eps * eps, 2};
  if (metric == "cosine") return {Norm::sq_euclidean, 2 * eps, 2};
  if (metric == "manhattan") return {Norm::manhattan, eps, 1};
  if (metric == "chebyshev") return {Norm::chebyshev, eps, 0};
  if (metric == "minkowski") return {Norm::minkowski, std::pow(eps, p), p};
  throw std::invalid_argument("unknown metric '" + std::string(metric) + "'");
}

template <class T>
std::vector<double> unit_rows(Points<const T> x, bool extra, Run& run) {
  const Index d = x.n_features + (extra ? 1 : 0);
  std::vector<double> out(static_cast<std::size_t>(x.n_samples * d));
  const auto blocks = parallel::blocks_of(x.n_samples, static_cast<std::size_t>(d) * sizeof(double));
  parallel::for_blocks(blocks, run, 2.0 * static_cast<double>(x.size()), [&](Index b, int) {
    std::vector<double> row(static_cast<std::size_t>(x.n_features));
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      std::copy_n(x.row(i), x.n_features, row.begin());
      double* to = out.data() + i * d;
      const bool has_direction = distance::scale_to_unit<double>(row.data(), nullptr, x.n_features, to);
      if (extra) to[d - 1] = has_direction ? 0.0 : 1.0;
    }
  });
  return out;
}

template std::vector<double> unit_rows(Points<const float>, bool, Run&);
template std::vector<double> unit_rows(Points<const double>, bool, Run&);

}  // namespace shoal::density
