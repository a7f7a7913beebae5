// The metrics room: contingency tables, information, dispersion, silhouettes.
#include <stdexcept>

#include "bindings/rooms.hpp"
#include "metrics/contingency.hpp"
#include "metrics/information.hpp"

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

}  // namespace

void bind_metrics(nb::module_& m) {
  bind_tables<std::int64_t>(m);  // the first overload takes weight=None
  bind_tables<double>(m);
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
