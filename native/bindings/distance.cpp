// Distances between all pairs, reduced: nearest, pairwise, counts, k nearest.
#include "distance/brute.hpp"

#include "bindings/rooms.hpp"

namespace shoal::bindings {
namespace {

template <class T>
void bind(nb::module_& m) {
  m.def(
      "nearest",
      [](const Matrix<T>& x, const Matrix<T>& y, const OptionalVector<T>& origin) {
        std::vector<std::int32_t> label(x.shape(0));
        std::vector<T> sq_dist(x.shape(0));
        enter([&](Run& run) {
          distance::nearest<T>(points(x), points(y), origin ? origin->data() : nullptr, label, sq_dist, run);
        });
        return nb::make_tuple(array(std::move(label)), array(std::move(sq_dist)));
      },
      "x"_a.noconvert(), "y"_a, "origin"_a.none() = nb::none(),
      "Nearest row of y for each row of x: (labels, squared distances).");
  m.def(
      "pairwise",
      [](const Matrix<T>& x, const Matrix<T>& y, std::string_view metric) {
        std::vector<T> out(x.shape(0) * y.shape(0));
        enter([&](Run& run) {
          distance::pairwise<T>(distance::metric_from_name(metric), points(x), points(y), out.data(), run);
        });
        return array(std::move(out), {x.shape(0), y.shape(0)});
      },
      "x"_a.noconvert(), "y"_a, "metric"_a, "All distances, (n_x, n_y).");
  m.def(
      "count_within",
      [](const Matrix<T>& x, const Matrix<T>& y, const OptionalVector<T>& weight, T radius, std::string_view metric) {
        std::vector<double> count(x.shape(0));
        enter([&](Run& run) {
          distance::count_within<T>(distance::metric_from_name(metric), points(x), points(y), weights(weight), radius,
                                    count, run);
        });
        return array(std::move(count));
      },
      "x"_a.noconvert(), "y"_a, "weight"_a.none(), "radius"_a, "metric"_a,
      "Number (or weight) of the rows of y within the radius of each row of x.");
  m.def(
      "k_nearest",
      [](const Matrix<T>& x, const Matrix<T>& y, Index k, std::string_view metric) {
        const std::size_t n = x.shape(0);
        const auto columns = static_cast<std::size_t>(k);
        std::vector<T> distances(n * columns);
        std::vector<std::int32_t> indices(n * columns);
        enter([&](Run& run) {
          distance::k_nearest<T>(distance::metric_from_name(metric), points(x), points(y), k, distances.data(),
                                 indices.data(), run);
        });
        return nb::make_tuple(array(std::move(distances), {n, columns}), array(std::move(indices), {n, columns}));
      },
      "x"_a.noconvert(), "y"_a, "k"_a, "metric"_a, "The k nearest rows of y for each row of x: (distances, indices).");
}

}  // namespace

void bind_distance(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace shoal::bindings
