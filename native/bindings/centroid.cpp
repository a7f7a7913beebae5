// The k-means family.
#include "bindings/rooms.hpp"
#include "centroid/kmeans.hpp"
#include "centroid/update.hpp"

namespace shoal::bindings {
namespace {

struct KMeansRun {
  nb::object centers;
  nb::object labels;
  double inertia;
  Index n_iter;
  bool converged;
};

centroid::Algorithm algorithm_from_name(std::string_view name) {
  if (name == "lloyd") return centroid::Algorithm::lloyd;
  if (name == "hamerly") return centroid::Algorithm::hamerly;
  if (name == "yinyang") return centroid::Algorithm::yinyang;
  if (name == "elkan") return centroid::Algorithm::elkan;
  if (name == "auto") return centroid::Algorithm::automatic;
  throw std::invalid_argument("unknown algorithm '" + std::string(name) + "'");
}

template <class T>
KMeansRun to_python(centroid::KMeansResult<T>&& result, Index n_features) {
  const auto d = static_cast<std::size_t>(n_features);
  const std::size_t k = result.centers.size() / d;
  return {array(std::move(result.centers), {k, d}), array(std::move(result.labels)), result.inertia, result.n_iter,
          result.converged};
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "kmeans_fit",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, const Matrix<T>& start, Index max_iter, double tol,
         std::string_view algorithm, const Progress& progress) {
        const centroid::KMeansOptions options{max_iter, tol, algorithm_from_name(algorithm)};
        return to_python(enter(progress,
                               [&](Run& run) {
                                 return centroid::kmeans_fit<T>(points(x), weights(weight), points(start), options,
                                                                run);
                               }),
                         static_cast<Index>(x.shape(1)));
      },
      "x"_a, "weight"_a.none(), "start"_a, nb::kw_only(), "max_iter"_a, "tol"_a, "algorithm"_a,
      "progress"_a.none() = nb::none());
  m.def(
      "kmeans_assign",
      [](const Matrix<T>& x, const Matrix<T>& centers) {
        std::vector<std::int32_t> labels(x.shape(0));
        enter([&](Run& run) { centroid::assign_all<T>(points(x), points(centers), labels, run); });
        return array(std::move(labels));
      },
      "x"_a, "centers"_a, "Nearest centre of each sample; a tie goes to the smaller centre.");
  m.def(
      "kmeans_inertia",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, const Matrix<T>& centers,
         const Vector<std::int32_t>& labels) {
        return enter([&](Run& run) {
          return centroid::inertia<T>(points(x), weights(weight), points(centers), view(labels), run);
        });
      },
      "x"_a, "weight"_a.none(), "centers"_a, "labels"_a, "Weighted sum of squared distances to the own centres.");
  m.def(
      "mean_and_spread",
      [](const Matrix<T>& x, const OptionalVector<T>& weight) {
        std::vector<double> mean(x.shape(1));
        const double spread =
            enter([&](Run& run) { return centroid::mean_and_spread<T>(points(x), weights(weight), mean.data(), run); });
        return nb::make_tuple(array(std::move(mean)), spread);
      },
      "x"_a, "weight"_a.none(), "Weighted mean, and the weighted variance averaged over features.");
}

}  // namespace

void bind_centroid(nb::module_& m) {
  nb::class_<KMeansRun>(m, "KMeansRun")
      .def_ro("centers", &KMeansRun::centers)
      .def_ro("labels", &KMeansRun::labels)
      .def_ro("inertia", &KMeansRun::inertia)
      .def_ro("n_iter", &KMeansRun::n_iter)
      .def_ro("converged", &KMeansRun::converged);
  bind<float>(m);
  bind<double>(m);
}

}  // namespace shoal::bindings
