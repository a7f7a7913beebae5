#include "density/dbscan.hpp"

#include <algorithm>
#include <limits>

#include "density/core_cells.hpp"
#include "density/dbscan_border.hpp"
#include "density/dbscan_count.hpp"
#include "density/dbscan_link.hpp"
#include "density/pairs.hpp"

namespace shoal::density {
namespace {

template <Norm N, int D>
DbscanResult labels_of(CoreCells<N, D> cells, std::span<const double> weight, Run& run) {
  if constexpr (CoreCells<N, D>::may_screen)
    if (cells.screens() && cells.min_samples > 1) {
      if (auto found = dbscan_by_pairs(cells.tree, cells.quick, weight, cells.reach, cells.min_samples, run))
        return std::move(*found);
      cells.lists.emplace(cells.tree.n_samples, cells.min_samples);
    }
  CountPass<N, D>(cells).run(run);
  LinkPass<N, D>(cells).run(run);
  return BorderPass<N, D>(cells).run(run);
}

}  // namespace

template <class T>
DbscanResult dbscan(Points<const T> x, std::span<const double> weight, const Reach& reach, double min_samples,
                    Run& run) {
  const bool has_negative = std::any_of(weight.begin(), weight.end(), [](double w) { return w < 0; });
  const double dense = has_negative ? std::numeric_limits<double>::infinity() : min_samples;
  CellTree tree = build_cells(x, weight, reach, dense, cell_size(x.n_features), run);
  DbscanResult result;
  with_norm(reach.norm, x.n_features, [&](auto norm, auto d) {
    result = labels_of(CoreCells<norm(), d()>(std::move(tree), reach, weight, min_samples, run), weight, run);
  });
  return result;
}

#define SHOAL_INSTANTIATE(T) \
  template DbscanResult dbscan(Points<const T>, std::span<const double>, const Reach&, double, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::density
