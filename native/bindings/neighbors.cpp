// The k-d tree: build, k nearest, radius queries, spanning tree. The R-tree: boxes too.
#include "bindings/rooms.hpp"
#include "neighbors/kd_tree.hpp"
#include "neighbors/mst_kd_tree.hpp"
#include "neighbors/r_tree.hpp"

namespace shoal::bindings {
namespace {

using neighbors::KDTree;
using neighbors::RTree;

nb::object to_python(neighbors::SpanningTree&& tree) {
  return nb::make_tuple(array(std::move(tree.u)), array(std::move(tree.v)), array(std::move(tree.weight)));
}

template <class T>
void bind(nb::module_& m, const char* name, const char* r_name) {
  nb::class_<KDTree<T>>(m, name)
      .def_prop_ro("n_samples", &KDTree<T>::n_samples)
      .def_prop_ro("n_features", &KDTree<T>::n_features)
      .def_prop_ro("leaf_size", &KDTree<T>::leaf_size)
      .def_prop_ro("rows",
                   [](const KDTree<T>& tree) {
                     return array(std::vector<std::int32_t>(tree.rows().begin(), tree.rows().end()));
                   })
      .def(
          "k_nearest",
          [](const KDTree<T>& tree, const std::optional<Matrix<T>>& x, Index k) {
            const auto n = x ? x->shape(0) : static_cast<std::size_t>(tree.n_samples());
            const auto columns = static_cast<std::size_t>(k);
            std::vector<T> distances(n * columns);
            std::vector<std::int32_t> rows(n * columns);
            enter([&](Run& run) {
              if (x)
                neighbors::k_nearest<T>(tree, points(*x), k, distances.data(), rows.data(), run);
              else
                neighbors::k_nearest_of_own<T>(tree, k, distances.data(), rows.data(), run);
            });
            return nb::make_tuple(array(std::move(distances), {n, columns}), array(std::move(rows), {n, columns}));
          },
          "x"_a.noconvert().none(), "k"_a, "(distances, rows); x None: of the tree's own points.")
      .def(
          "core_distances",
          [](const KDTree<T>& tree, Index k) {
            std::vector<T> out(static_cast<std::size_t>(tree.n_samples()));
            enter([&](Run& run) { neighbors::core_distances<T>(tree, k, out, run); });
            return array(std::move(out));
          },
          "k"_a, "Distance of each point to its k-th nearest, itself the first.")
      .def(
          "weights_within",
          [](const KDTree<T>& tree, const Matrix<T>& x, const Vector<T>& radius) {
            std::vector<double> out(x.shape(0));
            enter([&](Run& run) { neighbors::weights_within<T>(tree, points(x), view(radius), out, run); });
            return array(std::move(out));
          },
          "x"_a.noconvert(), "radius"_a.noconvert(), "Weight of the points within radius[i] of x[i].")
      .def(
          "within",
          [](const KDTree<T>& tree, const Matrix<T>& x, const Vector<T>& radius, bool with_distances, bool sorted,
             bool count_only) {
            auto out = enter([&](Run& run) {
              return neighbors::within<T>(tree, points(x), view(radius), {!count_only, with_distances, sorted}, run);
            });
            return nb::make_tuple(array(std::move(out.start)), array(std::move(out.rows)),
                                  array(std::move(out.distances)));
          },
          "x"_a.noconvert(), "radius"_a.noconvert(), nb::kw_only(), "with_distances"_a, "sorted"_a,
          "count_only"_a = false,
          "(start, rows, distances): rows[start[i]:start[i + 1]] are within radius[i] of x[i].");
  nb::class_<RTree<T>>(m, r_name)
      .def_prop_ro("nodes", &RTree<T>::nodes, nb::rv_policy::reference_internal)
      .def(
          "box_weights",
          [](const RTree<T>& tree, const Matrix<T>& low, const Matrix<T>& high, bool with_sums) {
            std::vector<double> weight(low.shape(0));
            std::vector<double> sums(with_sums ? low.shape(0) * low.shape(1) : 0);
            enter([&](Run& run) { neighbors::box_weights<T>(tree, points(low), points(high), weight, sums, run); });
            return nb::make_tuple(array(std::move(weight)),
                                  array(std::move(sums), {with_sums ? low.shape(0) : 0, low.shape(1)}));
          },
          "low"_a.noconvert(), "high"_a.noconvert(), nb::kw_only(), "with_sums"_a,
          "(weights, sums) of the points with low <= value <= high.")
      .def(
          "within_boxes",
          [](const RTree<T>& tree, const Matrix<T>& low, const Matrix<T>& high) {
            auto out =
                enter([&](Run& run) { return neighbors::within_boxes<T>(tree, points(low), points(high), run); });
            return nb::make_tuple(array(std::move(out.start)), array(std::move(out.rows)));
          },
          "low"_a.noconvert(), "high"_a.noconvert(), "(start, rows): rows[start[i]:start[i + 1]] are in box i.");
  m.def(
      "r_tree",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, Index leaf_size, std::string_view metric, T p) {
        return nb::cast(enter([&](Run& run) {
          return RTree<T>(points(x), weights(weight), leaf_size ? leaf_size : neighbors::default_leaf_size(x.shape(1)),
                          {neighbors::metric_from_name(metric), p}, run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "leaf_size"_a, "metric"_a, "p"_a,
      "The packed R-tree of the rows of x; leaf_size 0: what was fastest.");
  m.def(
      "mst_kd_tree",
      [](const KDTree<T>& tree, Index min_samples, T alpha) {
        std::vector<T> core(static_cast<std::size_t>(tree.n_samples()));
        auto edges = enter([&](Run& run) { return neighbors::mst_kd_tree<T>(tree, min_samples, alpha, core, run); });
        return nb::make_tuple(to_python(std::move(edges)), array(std::move(core)));
      },
      "tree"_a, nb::kw_only(), "min_samples"_a, "alpha"_a);
  m.def(
      "mst_kd_tree",
      [](const KDTree<T>& tree, const Vector<T>& core, T alpha) {
        return to_python(enter([&](Run& run) { return neighbors::mst_kd_tree<T>(tree, view(core), alpha, run); }));
      },
      "tree"_a, "core_distances"_a.noconvert(), nb::kw_only(), "alpha"_a,
      "The minimum spanning tree (u, v, weight), and with min_samples also the core distances.");
  m.def(
      "kd_tree",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, Index leaf_size, std::string_view metric, T p) {
        return nb::cast(enter([&](Run& run) {
          return KDTree<T>(points(x), weights(weight), leaf_size ? leaf_size : neighbors::default_leaf_size(x.shape(1)),
                           {neighbors::metric_from_name(metric), p}, run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "leaf_size"_a, "metric"_a, "p"_a,
      "The k-d tree of the rows of x; leaf_size 0: what was fastest.");
}

}  // namespace

void bind_neighbors(nb::module_& m) {
  bind<float>(m, "KDTreeF32", "RTreeF32");
  bind<double>(m, "KDTreeF64", "RTreeF64");
}

}  // namespace shoal::bindings
