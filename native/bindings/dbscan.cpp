// DBSCAN and prediction from its core samples.
#include "density/dbscan.hpp"

#include "bindings/rooms.hpp"
#include "density/core_distances.hpp"
#include "density/reach.hpp"
#include "distance/unit.hpp"

namespace shoal::bindings {
namespace {

using Span = std::span<const double>;

Span span_of(const OptionalVector<double>& x) {
  return x ? view(*x) : Span{};
}

nb::object to_python(density::DbscanResult&& result) {
  return nb::make_tuple(array(std::move(result.core_samples)), array(std::move(result.labels)));
}

template <class T>
density::DbscanResult run_dbscan(Points<const T> x, Span weight, std::string_view metric, double eps, double p,
                                 double min_samples, Run& run) {
  const density::Reach reach = density::reach_of(metric, eps, p);
  if (metric != "cosine") return density::dbscan(x, weight, reach, min_samples, run);
  const bool extra = distance::has_zero_row(x);
  const std::vector<double> rows = density::unit_rows(x, extra, run);
  return density::dbscan(Points<const double>{rows.data(), x.n_samples, x.n_features + extra}, weight, reach,
                         min_samples, run);
}

template <class T>
void run_predict(Points<const T> cores, std::span<const std::int32_t> core_labels, Points<const T> x,
                 std::string_view metric, double eps, double p, std::span<std::int32_t> out, Run& run) {
  const density::Reach reach = density::reach_of(metric, eps, p);
  if (metric != "cosine") return density::dbscan_predict(cores, core_labels, x, reach, out, run);
  const bool extra = distance::has_zero_row(cores) || distance::has_zero_row(x);
  const std::vector<double> core_rows = density::unit_rows(cores, extra, run);
  const std::vector<double> rows = density::unit_rows(x, extra, run);
  const Index d = x.n_features + extra;
  density::dbscan_predict(Points<const double>{core_rows.data(), cores.n_samples, d}, core_labels,
                          Points<const double>{rows.data(), x.n_samples, d}, reach, out, run);
}

// Core distances in the order of the rows.
template <class T>
void run_core_distances(Points<const T> x, std::string_view metric, double p, Index k, bool reaching,
                        std::span<double> out, Run& run) {
  const density::Reach reach = density::reach_of(metric, 0, p);
  const bool cosine = metric == "cosine";
  const bool extra = cosine && distance::has_zero_row(x);
  const std::vector<double> rows = cosine ? density::unit_rows(x, extra, run) : std::vector<double>{};
  const density::CellTree tree =
      cosine
          ? density::build_search_tree(Points<const double>{rows.data(), x.n_samples, x.n_features + extra}, reach, run)
          : density::build_search_tree(x, reach, run);
  std::vector<double> norms(out.size());
  density::core_norms(tree, reach, k, norms, run);
  density::to_distances(metric, p, reaching, norms);
  for (std::size_t i = 0; i < out.size(); ++i) out[static_cast<std::size_t>(tree.index[i])] = norms[i];
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "dbscan",
      [](const Matrix<T>& x, const OptionalVector<double>& weight, std::string_view metric, double eps, double p,
         double min_samples, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return run_dbscan<T>(points(x), span_of(weight), metric, eps, p, min_samples, run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "metric"_a, "eps"_a, "p"_a, "min_samples"_a,
      "progress"_a.none() = nb::none(), "Core samples and labels: (int64, int32).");
  m.def(
      "dbscan_precomputed",
      [](const Matrix<T>& x, const OptionalVector<double>& weight, double eps, double min_samples,
         const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return density::dbscan_precomputed<T>(points(x), span_of(weight), eps, min_samples, run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "eps"_a, "min_samples"_a, "progress"_a.none() = nb::none(),
      "The same from a square matrix of distances.");
  m.def(
      "dbscan_graph",
      [](const Vector<T>& values, const Vector<std::int32_t>& columns, const Vector<std::int32_t>& row_start,
         const OptionalVector<double>& weight, double eps, double min_samples, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return density::dbscan_graph<T>(view(values), view(columns), view(row_start), span_of(weight), eps,
                                          min_samples, run);
        }));
      },
      "values"_a.noconvert(), "columns"_a, "row_start"_a, "weight"_a.none(), nb::kw_only(), "eps"_a, "min_samples"_a,
      "progress"_a.none() = nb::none(), "The same from stored distances in compressed rows.");
  m.def(
      "dbscan_predict",
      [](const Matrix<T>& cores, const Vector<std::int32_t>& core_labels, const Matrix<T>& x, std::string_view metric,
         double eps, double p) {
        std::vector<std::int32_t> out(x.shape(0));
        enter([&](Run& run) { run_predict<T>(points(cores), view(core_labels), points(x), metric, eps, p, out, run); });
        return array(std::move(out));
      },
      "cores"_a.noconvert(), "core_labels"_a, "x"_a, nb::kw_only(), "metric"_a, "eps"_a, "p"_a,
      "Label of the nearest core sample within eps, else -1.");
  m.def(
      "core_distances",
      [](const Matrix<T>& x, std::string_view metric, double p, Index k, bool reaching, const Progress& progress) {
        std::vector<double> out(x.shape(0));
        enter(progress, [&](Run& run) { run_core_distances<T>(points(x), metric, p, k, reaching, out, run); });
        return array(std::move(out));
      },
      "x"_a.noconvert(), nb::kw_only(), "metric"_a, "p"_a, "k"_a, "reaching"_a, "progress"_a.none() = nb::none(),
      "Distance of each row to the k-th nearest row, itself the first.");
}

}  // namespace

void bind_dbscan(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace shoal::bindings
