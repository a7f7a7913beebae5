// Local Gaussian clustering: seeds, moving centroids, local covariances, on an R-tree that the caller keeps.
#include <algorithm>

#include "bindings/rooms.hpp"
#include "mixture/consistency.hpp"
#include "mixture/local_covariance.hpp"
#include "mixture/seeds.hpp"
#include "mixture/shift.hpp"

namespace shoal::bindings {
namespace {

using neighbors::RTree;

template <class T>
void bind(nb::module_& m) {
  m.def(
      "tree_bounds",
      [](const RTree<T>& tree) {
        const neighbors::KDTree<T>& nodes = tree.nodes();
        std::vector<double> low, high;
        for (Index f = 0; f < nodes.n_features(); ++f) {
          const int top = nodes.n_levels() - 1;
          low.push_back(nodes.lower({top, 0}, f));
          high.push_back(nodes.upper({top, 0}, f));
          for (std::int32_t i = 1; i < nodes.n_nodes(top); ++i) {
            low.back() = std::min<double>(low.back(), nodes.lower({top, i}, f));
            high.back() = std::max<double>(high.back(), nodes.upper({top, i}, f));
          }
        }
        return nb::make_tuple(array(std::move(low)), array(std::move(high)));
      },
      "tree"_a, "Smallest and largest value of each feature.");
  m.def(
      "count_distinct",
      [](const RTree<T>& tree) { return enter([&](Run& run) { return mixture::count_distinct(tree, run); }); },
      "tree"_a, "About how many different points there are.");
  m.def(
      "grid_seeds",
      [](const RTree<T>& tree, double side) {
        auto out = enter([&](Run& run) { return mixture::grid_seeds(tree, side, run); });
        const std::size_t n = out.weight.size();
        return nb::make_tuple(array(std::move(out.centers), {n, static_cast<std::size_t>(tree.nodes().n_features())}),
                              array(std::move(out.weight)));
      },
      "tree"_a, nb::kw_only(), "side"_a, "(centers, weights) of the occupied boxes of a grid, by falling weight.");
  m.def(
      "shift_centroids",
      [](const RTree<T>& tree, const Matrix<double>& centers, double side, double collision, double tol, Index max_iter,
         bool keep_paths, const Progress& progress) {
        auto out = enter(progress, [&](Run& run) {
          return mixture::shift(tree, points(centers), {side, collision, tol, max_iter, keep_paths}, run);
        });
        const std::size_t n = out.seeds.size();
        const std::size_t d = centers.shape(1);
        const std::size_t steps = keep_paths ? out.paths.size() / (centers.shape(0) * d) : 0;
        return nb::make_tuple(array(std::move(out.centers), {n, d}), array(std::move(out.weight)),
                              array(std::move(out.seeds)), out.n_iter, out.converged,
                              array(std::move(out.paths), {steps, keep_paths ? centers.shape(0) : 0, d}));
      },
      "tree"_a, "centers"_a.noconvert(), nb::kw_only(), "side"_a, "collision"_a, "tol"_a, "max_iter"_a, "keep_paths"_a,
      "progress"_a.none() = nb::none(),
      "(centers, weights, seeds, n_iter, converged, paths): where the centroids come to rest.");
  m.def(
      "local_covariances",
      [](const RTree<T>& tree, const Matrix<double>& centers, double softening, double reach, double ridge, double tol,
         Index max_iter, bool paper_exact, const Progress& progress) {
        auto out = enter(progress, [&](Run& run) {
          return mixture::local_covariances(tree, points(centers),
                                            {softening, reach, ridge, tol, max_iter, paper_exact}, run);
        });
        const std::size_t n = centers.shape(0);
        const std::size_t d = centers.shape(1);
        return nb::make_tuple(array(std::move(out.covariances), {n, d, d}), array(std::move(out.weight)),
                              array(std::move(out.cut)), out.n_iter, out.converged);
      },
      "tree"_a, "centers"_a.noconvert(), nb::kw_only(), "softening"_a, "reach"_a, "ridge"_a, "tol"_a, "max_iter"_a,
      "paper_exact"_a, "progress"_a.none() = nb::none(),
      "(covariances, weights, cuts, n_iter, converged) of the clusters around the centroids.");
}

}  // namespace

void bind_local_gaussian(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def(
      "consistency_factor",
      [](double softening, Index n_features, double cut) {
        return mixture::Consistency(softening, n_features).factor(cut);
      },
      "softening"_a, "n_features"_a, "cut"_a, "kappa: the weighted second moment of a standard Gaussian.");
  m.def(
      "survivors",
      [](const Matrix<double>& centers, const Vector<double>& weight, double collision) {
        return array(
            enter([&](Run& run) { return mixture::survivors(points(centers), view(weight), collision, run); }));
      },
      "centers"_a.noconvert(), "weight"_a.noconvert(), nb::kw_only(), "collision"_a,
      "Indices of the centroids that stay when the lighter of two that are closer than `collision` goes.");
}

}  // namespace shoal::bindings
