// The metrics room: contingency tables, information, dispersion, silhouettes.
#include "bindings/rooms.hpp"
#include "distance/brute.hpp"
#include "metrics/clusters.hpp"
#include "metrics/contingency.hpp"
#include "metrics/information.hpp"
#include "metrics/silhouette.hpp"

namespace shoal::bindings {
namespace {

template <class Label, class C>
nb::tuple contingency(Vector<Label> a, Vector<Label> b, OptionalVector<C> weight) {
  auto table = enter([&](Run& run) {
    return metrics::contingency<Label, C>(view(a), view(b), weight ? view(*weight) : std::span<const C>{}, run);
  });
  return nb::make_tuple(array(std::move(table.row_start)), array(std::move(table.column)),
                        array(std::move(table.count)), array(std::move(table.row_total)),
                        array(std::move(table.column_total)));
}

template <class Label>
nb::tuple encode_labels(Vector<Label> labels) {
  auto coded = enter([&](Run& run) { return metrics::encode(view(labels), run); });
  return nb::make_tuple(array(std::move(coded.codes)), array(std::move(coded.values)));
}

template <class C>
double mutual_information(Vector<std::int64_t> row_start, Vector<std::int32_t> column, Vector<C> count,
                          Vector<C> row_total, Vector<C> column_total) {
  const metrics::Cells<C> cells{view(row_start), view(column), view(count), view(row_total), view(column_total)};
  return enter([&](Run& run) { return metrics::mutual_information(cells, run); });
}

template <class C>
void bind_tables(nb::module_& m) {
  m.def("contingency", &contingency<std::int32_t, C>, "a"_a, "b"_a, "weight"_a.none());
  m.def("contingency", &contingency<std::int64_t, C>, "a"_a, "b"_a, "weight"_a.none());
  m.def("mutual_information", &mutual_information<C>, "row_start"_a, "column"_a, "count"_a, "row_total"_a,
        "column_total"_a);
  m.def("entropy", [](Vector<C> totals) { return metrics::entropy(view(totals)); }, "totals"_a);
}

metrics::Labels labels(const Vector<std::int32_t>& cluster, Index n_clusters) {
  return {view(cluster), n_clusters};
}

template <class T>
void bind_scores(nb::module_& m) {
  m.def(
      "silhouette",
      [](Matrix<T> x, OptionalVector<T> weight, Vector<std::int32_t> cluster, Index n_clusters, std::string_view metric,
         Progress progress) {
        std::vector<double> s(x.shape(0));
        const distance::Metric which = distance::metric_from_name(metric);
        enter(progress, [&](Run& run) {
          metrics::silhouette<T>(which, points(x), weights(weight), labels(cluster, n_clusters), s, run);
        });
        return array(std::move(s));
      },
      "x"_a.noconvert(), "weight"_a.none(), "cluster"_a, "n_clusters"_a, "metric"_a, "progress"_a.none() = nb::none());
  m.def(
      "simplified_silhouette",
      [](Matrix<T> x, Matrix<T> centers, OptionalVector<T> weight, Vector<std::int32_t> cluster, Index n_clusters,
         std::string_view metric, Progress progress) {
        std::vector<double> s(x.shape(0));
        const distance::Metric which = distance::metric_from_name(metric);
        enter(progress, [&](Run& run) {
          metrics::simplified_silhouette<T>(which, points(x), points(centers), weights(weight),
                                            labels(cluster, n_clusters), s, run);
        });
        return array(std::move(s));
      },
      "x"_a.noconvert(), "centers"_a, "weight"_a.none(), "cluster"_a, "n_clusters"_a, "metric"_a,
      "progress"_a.none() = nb::none());
  m.def(
      "matrix_silhouette",
      [](Matrix<T> distances, OptionalVector<T> weight, Vector<std::int32_t> cluster, Index n_clusters,
         Progress progress) {
        std::vector<double> s(distances.shape(0));
        enter(progress, [&](Run& run) {
          metrics::matrix_silhouette<T>(points(distances), weights(weight), labels(cluster, n_clusters), s, run);
        });
        return array(std::move(s));
      },
      "distances"_a, "weight"_a.none(), "cluster"_a, "n_clusters"_a, "progress"_a.none() = nb::none());
  m.def(
      "calinski_harabasz",
      [](Matrix<T> x, OptionalVector<T> weight, Vector<std::int32_t> cluster, Index n_clusters) {
        return enter([&](Run& run) {
          const auto which = labels(cluster, n_clusters);
          const auto centroids = metrics::centroids<T>(points(x), weights(weight), which, run);
          const auto spread = metrics::spread<T>(points(x), weights(weight), which, centroids, false, run);
          return metrics::calinski_harabasz(centroids, spread);
        });
      },
      "x"_a.noconvert(), "weight"_a.none(), "cluster"_a, "n_clusters"_a);
  m.def(
      "davies_bouldin",
      [](Matrix<T> x, OptionalVector<T> weight, Vector<std::int32_t> cluster, Index n_clusters) {
        return enter([&](Run& run) {
          const auto which = labels(cluster, n_clusters);
          const auto centroids = metrics::centroids<T>(points(x), weights(weight), which, run);
          const auto spread = metrics::spread<T>(points(x), weights(weight), which, centroids, true, run);
          return metrics::davies_bouldin(centroids, spread, run);
        });
      },
      "x"_a.noconvert(), "weight"_a.none(), "cluster"_a, "n_clusters"_a);
}

}  // namespace

void bind_metrics(nb::module_& m) {
  bind_tables<std::int64_t>(m);  // the first overload takes weight=None
  bind_tables<double>(m);
  bind_scores<float>(m);
  bind_scores<double>(m);
  m.def("encode_labels", &encode_labels<std::int32_t>, "labels"_a);
  m.def("encode_labels", &encode_labels<std::int64_t>, "labels"_a);
  m.def(
      "encode_records",
      [](Matrix<std::uint8_t> records) {
        auto coded = enter(
            [&](Run& run) { return metrics::encode_records({records.data(), records.size()}, records.shape(1), run); });
        return nb::make_tuple(array(std::move(coded.codes)), array(std::move(coded.first)));
      },
      "records"_a);
  m.def(
      "expected_mutual_information",
      [](Vector<std::int64_t> row_total, Vector<std::int64_t> column_total) {
        return enter(
            [&](Run& run) { return metrics::expected_mutual_information(view(row_total), view(column_total), run); });
      },
      "row_total"_a, "column_total"_a);
}

}  // namespace shoal::bindings
