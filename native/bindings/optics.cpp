// OPTICS and the extraction of clusters from its plot.
#include "density/optics.hpp"

#include "bindings/rooms.hpp"
#include "density/xi.hpp"
#include "distance/unit.hpp"

namespace shoal::bindings {
namespace {

nb::object to_python(density::OpticsGraph&& graph) {
  return nb::make_tuple(array(std::move(graph.ordering)), array(std::move(graph.core_distances)),
                        array(std::move(graph.reachability)), array(std::move(graph.predecessor)));
}

density::OpticsSearch search_from_name(std::string_view name) {
  if (name == "rows") return density::OpticsSearch::rows;
  if (name == "tree") return density::OpticsSearch::tree;
  return density::OpticsSearch::automatic;
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "optics",
      [](const Matrix<T>& x, std::string_view metric, double p, Index min_samples, double max_eps,
         std::string_view search, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          const auto how = search_from_name(search);
          const Points<const T> rows = points(x);
          if (metric != "cosine") return density::optics(rows, metric, p, min_samples, max_eps, how, run);
          const bool extra = distance::has_zero_row(rows);
          const std::vector<double> unit = density::unit_rows(rows, extra, run);
          return density::optics(Points<const double>{unit.data(), rows.n_samples, rows.n_features + extra}, metric, p,
                                 min_samples, max_eps, how, run);
        }));
      },
      "x"_a.noconvert(), nb::kw_only(), "metric"_a, "p"_a, "min_samples"_a, "max_eps"_a, "search"_a = "automatic",
      "progress"_a.none() = nb::none(), "Ordering, core distances, reachability, predecessors.");
  m.def(
      "optics_precomputed",
      [](const Matrix<T>& x, Index min_samples, double max_eps, const Progress& progress) {
        return to_python(enter(
            progress, [&](Run& run) { return density::optics_precomputed<T>(points(x), min_samples, max_eps, run); }));
      },
      "x"_a.noconvert(), nb::kw_only(), "min_samples"_a, "max_eps"_a, "progress"_a.none() = nb::none(),
      "The same from a square matrix of distances.");
  m.def(
      "optics_graph",
      [](const Vector<T>& values, const Vector<std::int32_t>& columns, const Vector<std::int32_t>& row_start,
         Index min_samples, double max_eps, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return density::optics_graph<T>(view(values), view(columns), view(row_start), min_samples, max_eps, run);
        }));
      },
      "values"_a.noconvert(), "columns"_a, "row_start"_a, nb::kw_only(), "min_samples"_a, "max_eps"_a,
      "progress"_a.none() = nb::none(), "The same from stored distances in compressed rows.");
}

}  // namespace

void bind_optics(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def(
      "xi_clusters",
      [](const Vector<double>& reachability, const Vector<std::int64_t>& predecessor,
         const Vector<std::int64_t>& ordering, double xi, Index min_samples, Index min_cluster_size,
         bool predecessor_correction) {
        density::XiResult result = enter([&](Run& run) {
          return density::xi_clusters(view(reachability), view(predecessor), view(ordering), xi, min_samples,
                                      min_cluster_size, predecessor_correction, run);
        });
        const std::size_t n = result.clusters.size();
        std::vector<std::int64_t> clusters;
        clusters.reserve(2 * n);
        for (const density::XiCluster& cluster : result.clusters) {
          clusters.push_back(cluster.start);
          clusters.push_back(cluster.end);
        }
        return nb::make_tuple(array(std::move(result.labels)), array(std::move(clusters), {n, 2}));
      },
      "reachability"_a, "predecessor"_a, "ordering"_a, nb::kw_only(), "xi"_a, "min_samples"_a, "min_cluster_size"_a,
      "predecessor_correction"_a, "Labels and clusters (first and last place) from a plot in its order.");
}

}  // namespace shoal::bindings
