// HDBSCAN: minimum spanning trees, single linkage, condensed tree, clusters, new rows; density-based validity.
#include "bindings/rooms.hpp"
#include "density/attach.hpp"
#include "density/condensed_tree.hpp"
#include "distance/unit.hpp"
#include "metrics/dbcv.hpp"
#include "neighbors/mst.hpp"
#include "neighbors/mst_kd_tree.hpp"

namespace shoal::bindings {
namespace {

using neighbors::Norm;
using neighbors::Reachability;
using neighbors::Space;

Reachability reachability(double min_samples, double alpha, const OptionalVector<double>& weight) {
  return {min_samples, alpha, weight ? weight->data() : nullptr};
}

// (u, v, weight, core)
nb::tuple to_python(neighbors::SpanningTree&& tree) {
  return nb::make_tuple(array(std::move(tree.u)), array(std::move(tree.v)), array(std::move(tree.weight)),
                        array(std::move(tree.core)));
}

neighbors::Measure<double> measure(std::string_view metric, double p) {
  return {neighbors::metric_from_name(metric), p};
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "mst_tiles",
      [](const Matrix<T>& x, const OptionalVector<double>& weight, double min_samples, double alpha,
         std::string_view metric, double p, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          const Norm norm = neighbors::norm_from_name(metric);
          const Space<T> space(norm, p, points(x), norm == Norm::cosine && distance::has_zero_row(points(x)), run);
          return neighbors::mst_tiles(space, reachability(min_samples, alpha, weight), run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a, "metric"_a, "p"_a,
      "progress"_a.none() = nb::none(),
      "Minimum spanning tree of mutual reachability: (u, v, weight, core distances), edges ascending.");
  m.def(
      "mst_matrix",
      [](const Matrix<T>& distances, const OptionalVector<double>& weight, double min_samples, double alpha) {
        return to_python(enter([&](Run& run) {
          return neighbors::mst_matrix(points(distances), reachability(min_samples, alpha, weight), run);
        }));
      },
      "distances"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a,
      "The same from a symmetric matrix of distances.");
  m.def(
      "density_validity",
      [](const Matrix<T>& x, const Vector<std::int32_t>& cluster, Index n_clusters, double dimension,
         std::string_view metric, double p, const Progress& progress) {
        auto found = enter(progress, [&](Run& run) {
          const Norm norm = neighbors::norm_from_name(metric);
          const Space<T> space(norm, p, points(x), norm == Norm::cosine && distance::has_zero_row(points(x)), run);
          return metrics::density_validity(space, view(cluster), n_clusters, dimension, run);
        });
        return nb::make_tuple(array(std::move(found.sparseness)), array(std::move(found.separation)),
                              array(std::move(found.validity)));
      },
      "x"_a.noconvert(), "cluster"_a, "n_clusters"_a, nb::kw_only(), "dimension"_a, "metric"_a, "p"_a,
      "progress"_a.none() = nb::none(), "DBCV of each cluster: (sparseness, separation, validity).");
  m.def(
      "hdbscan_attach",
      [](const Matrix<T>& x, const Matrix<T>& fitted, const Vector<double>& core, const OptionalVector<double>& weight,
         double min_samples, double alpha, std::string_view metric, double p) {
        auto found = enter([&](Run& run) {
          const Norm norm = neighbors::norm_from_name(metric);
          const bool zero =
              norm == Norm::cosine && (distance::has_zero_row(points(x)) || distance::has_zero_row(points(fitted)));
          const Space<T> rows(norm, p, points(x), zero, run);
          const Space<T> base(norm, p, points(fitted), zero, run);
          return density::attach(rows, base, view(core), reachability(min_samples, alpha, weight), run);
        });
        return nb::make_tuple(array(std::move(found.row)), array(std::move(found.height)));
      },
      "x"_a.noconvert(), "fitted"_a, "core"_a, "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a, "metric"_a,
      "p"_a, "For each row of x the fitted row it is attached to and at which distance.");
}

density::Linkage linkage_of(const Vector<std::int32_t>& u, const Vector<std::int32_t>& v, const Vector<double>& height,
                            const Vector<std::int32_t>& left, const Vector<std::int32_t>& right,
                            const Vector<double>& size, const Vector<double>& core,
                            const OptionalVector<double>& weight) {
  return {view(u), view(v), view(height), view(left), view(right), view(size), view(core), weights(weight)};
}

density::Tree tree_of(const Vector<std::int32_t>& parent, const Vector<double>& birth, const Vector<double>& size,
                      const Vector<std::int32_t>& point_cluster, const Vector<double>& point_lambda,
                      const OptionalVector<double>& weight) {
  return {view(parent), view(birth), view(size), view(point_cluster), view(point_lambda), weights(weight)};
}

}  // namespace

void bind_hdbscan(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def(
      "hdbscan_mst_kd_tree",
      [](const Matrix<double>& x, const OptionalVector<double>& weight, Index min_samples, double alpha,
         std::string_view metric, double p, const Progress& progress) {
        std::vector<double> core(x.shape(0));
        auto tree = enter(progress, [&](Run& run) {
          const Index leaf = neighbors::default_leaf_size(static_cast<Index>(x.shape(1)));
          const neighbors::KDTree<double> rows(points(x), {}, leaf, measure(metric, p), run);
          if (!weight) return neighbors::mst_kd_tree<double>(rows, min_samples, alpha, core, run);
          density::weighted_core_distances(rows, reachability(static_cast<double>(min_samples), alpha, weight), core,
                                           run);
          return neighbors::mst_kd_tree<double>(rows, std::span<const double>(core), alpha, run);
        });
        tree.core = std::move(core);
        return to_python(std::move(tree));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a, "metric"_a, "p"_a,
      "progress"_a.none() = nb::none(), "mst_tiles on a k-d tree.");
  m.def(
      "hdbscan_attach_kd_tree",
      [](const Matrix<double>& x, const Matrix<double>& fitted, const Vector<double>& core,
         const OptionalVector<double>& weight, double min_samples, double alpha, std::string_view metric, double p) {
        auto found = enter([&](Run& run) {
          const Index leaf = neighbors::default_leaf_size(static_cast<Index>(x.shape(1)));
          const neighbors::KDTree<double> tree(points(fitted), {}, leaf, measure(metric, p), run);
          return density::attach(points(x), tree, view(core), reachability(min_samples, alpha, weight), run);
        });
        return nb::make_tuple(array(std::move(found.row)), array(std::move(found.height)));
      },
      "x"_a.noconvert(), "fitted"_a.noconvert(), "core"_a, "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a,
      "metric"_a, "p"_a, "hdbscan_attach on a k-d tree.");
  m.def(
      "mst_sparse",
      [](Index n, const Vector<double>& data, const Vector<std::int32_t>& indices, const Vector<std::int32_t>& indptr,
         const OptionalVector<double>& weight, double min_samples, double alpha, double max_distance) {
        return to_python(enter([&](Run& run) {
          return neighbors::mst_sparse(n, view(data), view(indices), view(indptr),
                                       reachability(min_samples, alpha, weight), max_distance, run);
        }));
      },
      "n"_a, "data"_a, "indices"_a, "indptr"_a, "weight"_a.none(), nb::kw_only(), "min_samples"_a, "alpha"_a,
      "max_distance"_a, "The same from the stored entries of a symmetric CSR matrix; a forest has fewer edges.");
  m.def(
      "single_linkage",
      [](const Vector<std::int32_t>& u, const Vector<std::int32_t>& v, const OptionalVector<double>& weight) {
        auto tree = enter([&](Run& run) { return neighbors::single_linkage(view(u), view(v), weights(weight), run); });
        return nb::make_tuple(array(std::move(tree.left)), array(std::move(tree.right)), array(std::move(tree.size)));
      },
      "u"_a, "v"_a, "weight"_a.none(),
      "Merges of the edges of a spanning tree, ascending: (left, right, size); merge i is node n + i.");
  m.def(
      "condense",
      [](const Vector<std::int32_t>& u, const Vector<std::int32_t>& v, const Vector<double>& height,
         const Vector<std::int32_t>& left, const Vector<std::int32_t>& right, const Vector<double>& size,
         const Vector<double>& core, const OptionalVector<double>& weight, double min_cluster_size) {
        auto tree = enter([&](Run& run) {
          return density::condense(linkage_of(u, v, height, left, right, size, core, weight), min_cluster_size, run);
        });
        return nb::make_tuple(array(std::move(tree.parent)), array(std::move(tree.birth)), array(std::move(tree.size)),
                              array(std::move(tree.point_cluster)), array(std::move(tree.point_lambda)));
      },
      "u"_a, "v"_a, "height"_a, "left"_a, "right"_a, "size"_a, "core"_a, "weight"_a.none(), nb::kw_only(),
      "min_cluster_size"_a, "Condensed tree: (parent, birth, size) of clusters, (cluster, lambda) of points.");
  nb::class_<density::Clusters>(m, "Clusters")
      .def_prop_ro("labels", [](density::Clusters& c) { return array(std::vector(c.labels)); })
      .def_prop_ro("probabilities", [](density::Clusters& c) { return array(std::vector(c.probabilities)); })
      .def_prop_ro("cluster", [](density::Clusters& c) { return array(std::vector(c.cluster)); })
      .def_prop_ro("persistence", [](density::Clusters& c) { return array(std::vector(c.persistence)); })
      .def_prop_ro("stability", [](density::Clusters& c) { return array(std::vector(c.stability)); })
      .def_prop_ro("label_of", [](density::Clusters& c) { return array(std::vector(c.label_of)); })
      .def_prop_ro("max_lambda", [](density::Clusters& c) { return array(std::vector(c.max_lambda)); })
      .def_ro("single_lambda", &density::Clusters::single_lambda);
  m.def(
      "select_clusters",
      [](const Vector<std::int32_t>& parent, const Vector<double>& birth, const Vector<double>& size,
         const Vector<std::int32_t>& point_cluster, const Vector<double>& point_lambda,
         const OptionalVector<double>& weight, bool leaf, bool allow_single_cluster, double epsilon,
         double max_cluster_size) {
        return enter([&](Run&) {
          return density::select_clusters(tree_of(parent, birth, size, point_cluster, point_lambda, weight),
                                          {leaf, allow_single_cluster, epsilon, max_cluster_size});
        });
      },
      "parent"_a, "birth"_a, "size"_a, "point_cluster"_a, "point_lambda"_a, "weight"_a.none(), nb::kw_only(), "leaf"_a,
      "allow_single_cluster"_a, "epsilon"_a, "max_cluster_size"_a, "Clusters of a condensed tree, and their points.");
  m.def(
      "outlier_scores",
      [](const Vector<std::int32_t>& parent, const Vector<double>& birth, const Vector<double>& size,
         const Vector<std::int32_t>& point_cluster, const Vector<double>& point_lambda) {
        return array(enter([&](Run&) {
          return density::outlier_scores(tree_of(parent, birth, size, point_cluster, point_lambda, std::nullopt));
        }));
      },
      "parent"_a, "birth"_a, "size"_a, "point_cluster"_a, "point_lambda"_a, "GLOSH, in [0, 1].");
  m.def(
      "cut_linkage",
      [](const Vector<std::int32_t>& u, const Vector<std::int32_t>& v, const Vector<double>& height,
         const Vector<std::int32_t>& left, const Vector<std::int32_t>& right, const Vector<double>& size,
         const Vector<double>& core, const OptionalVector<double>& weight, double cut, double min_cluster_size) {
        return array(enter([&](Run&) {
          return density::cut_linkage(linkage_of(u, v, height, left, right, size, core, weight), cut, min_cluster_size);
        }));
      },
      "u"_a, "v"_a, "height"_a, "left"_a, "right"_a, "size"_a, "core"_a, "weight"_a.none(), nb::kw_only(), "cut"_a,
      "min_cluster_size"_a, "Labels of the components below a distance.");
}

}  // namespace shoal::bindings
