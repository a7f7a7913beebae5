// Gaussian mixtures: densities, the sums of an EM step, factors of covariances.
#include "bindings/rooms.hpp"
#include "mixture/density.hpp"

namespace shoal::bindings {
namespace {

using mixture::Components;
using mixture::Covariance;

Covariance covariance_from_name(std::string_view name) {
  if (name == "full") return Covariance::full;
  if (name == "tied") return Covariance::tied;
  if (name == "diag") return Covariance::diag;
  if (name == "spherical") return Covariance::spherical;
  throw std::invalid_argument("unknown covariance type '" + std::string(name) + "'");
}

/// Factors and covariances travel flat: k d d, d d, k d or k values.
template <class T>
Components<T> components(std::string_view type, const Matrix<double>& means, const Vector<double>& factor,
                         const Vector<double>& log_weight) {
  return mixture::pack_components<T>(covariance_from_name(type), points(means), factor.data(), log_weight.data());
}

struct DensityRun {
  nb::object labels;
  nb::object best;
  nb::object second;
  nb::object log_sum;
};

template <class T>
void bind_density(nb::module_& m) {
  m.def(
      "mixture_density",
      [](const Matrix<T>& x, std::string_view type, const Matrix<double>& means, const Vector<double>& factor,
         const Vector<double>& log_weight, bool want_log_sum, bool want_best) {
        const std::size_t n = x.shape(0);
        std::vector<std::int32_t> labels(want_best ? n : 0);
        std::vector<T> best(labels.size());
        std::vector<T> second(labels.size());
        std::vector<T> log_sum(want_log_sum ? n : 0);
        mixture::Densities<T> out;
        if (want_best) out.label = labels.data();
        if (want_best) out.best = best.data();
        if (want_best) out.second = second.data();
        if (want_log_sum) out.log_sum = log_sum.data();
        enter([&](Run& run) {
          mixture::log_densities<T>(points(x), components<T>(type, means, factor, log_weight), out, run);
        });
        return DensityRun{array(std::move(labels)), array(std::move(best)), array(std::move(second)),
                          array(std::move(log_sum))};
      },
      "x"_a.noconvert(), "covariance_type"_a, "means"_a, "factor"_a, "log_weight"_a, nb::kw_only(),
      "want_log_sum"_a = true, "want_best"_a = true,
      "Per sample: component of the largest weighted log density, that density, the second, and their log-sum-exp.");
  m.def(
      "mixture_labels",
      [](const Matrix<T>& x, std::string_view type, const Matrix<double>& means, const Vector<double>& factor,
         const Vector<double>& log_weight) {
        std::vector<std::int32_t> labels(x.shape(0));
        mixture::Densities<T> out;
        out.label = labels.data();
        enter([&](Run& run) {
          mixture::log_densities<T>(points(x), components<T>(type, means, factor, log_weight), out, run);
        });
        return array(std::move(labels));
      },
      "x"_a.noconvert(), "covariance_type"_a, "means"_a, "factor"_a, "log_weight"_a);
  m.def(
      "mixture_matrix",
      [](const Matrix<T>& x, std::string_view type, const Matrix<double>& means, const Vector<double>& factor,
         const Vector<double>& log_weight, bool resp) {
        const std::size_t k = means.shape(0);
        std::vector<T> matrix(x.shape(0) * k);
        mixture::Densities<T> out;
        out.matrix = matrix.data();
        out.resp = resp;
        enter([&](Run& run) {
          mixture::log_densities<T>(points(x), components<T>(type, means, factor, log_weight), out, run);
        });
        return array(std::move(matrix), {x.shape(0), k});
      },
      "x"_a.noconvert(), "covariance_type"_a, "means"_a, "factor"_a, "log_weight"_a, nb::kw_only(), "resp"_a,
      "Weighted log densities of every sample and component, or responsibilities.");
  m.def(
      "vector_exp",
      [](const Vector<T>& x) {
        std::vector<T> out(x.shape(0));
        mixture::kernels<T>().exp(x.data(), out.data(), static_cast<Index>(out.size()));
        return array(std::move(out));
      },
      "x"_a.noconvert(), "For tests: exp as the kernels of the level in use compute it.");
  m.def(
      "vector_log",
      [](const Vector<T>& x) {
        std::vector<T> out(x.shape(0));
        mixture::kernels<T>().log(x.data(), out.data(), static_cast<Index>(out.size()));
        return array(std::move(out));
      },
      "x"_a.noconvert(), "For tests: log as the kernels of the level in use compute it.");
}

}  // namespace

void bind_mixture(nb::module_& m) {
  nb::class_<DensityRun>(m, "DensityRun")
      .def_ro("labels", &DensityRun::labels)
      .def_ro("best", &DensityRun::best)
      .def_ro("second", &DensityRun::second)
      .def_ro("log_sum", &DensityRun::log_sum);
  bind_density<float>(m);
  bind_density<double>(m);
}

}  // namespace shoal::bindings
