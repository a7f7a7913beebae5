// Gaussian mixtures: densities, the sums of an EM step, factors of covariances.
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bindings/rooms.hpp"
#include "mixture/density.hpp"
#include "mixture/em.hpp"

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

struct ScatterRun {
  double weight;
  nb::object mean;
  nb::object second;
};

struct MomentsRun {
  nb::object weight;
  nb::object means;
  nb::object covariances;
  double log_likelihood;
  double entropy;
};

struct FactorRun {
  nb::object factor;
  Index failed;
};

/// What tied moments need: (weight, mean, second moments) as mixture_scatter returns them; None for the other types.
using OptionalScatter = std::optional<std::tuple<double, Vector<double>, Vector<double>>>;

mixture::Scatter scatter_from(const OptionalScatter& given) {
  mixture::Scatter out;
  if (!given) return out;
  const auto& [weight, mean, second] = *given;
  out.weight = weight;
  out.mean.assign(mean.data(), mean.data() + mean.size());
  out.second.assign(second.data(), second.data() + second.size());
  return out;
}

MomentsRun moments_run(mixture::Moments&& moments) {
  const std::size_t k = moments.weight.size();
  const std::size_t d = moments.means.size() / k;
  return {array(std::move(moments.weight)), array(std::move(moments.means), {k, d}),
          array(std::move(moments.covariances)), moments.log_likelihood, moments.entropy};
}

template <class T>
void bind_moments(nb::module_& m) {
  m.def(
      "mixture_scatter",
      [](const Matrix<T>& x, const OptionalVector<T>& weight) {
        auto all = enter([&](Run& run) { return mixture::scatter<T>(points(x), weights(weight), run); });
        return ScatterRun{all.weight, array(std::move(all.mean)), array(std::move(all.second))};
      },
      "x"_a.noconvert(), "weight"_a.none(), "Weight, mean and second moments about the mean of all samples.");
  m.def(
      "mixture_step",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, std::string_view type, const Matrix<double>& means,
         const Vector<double>& factor, const Vector<double>& log_weight, const OptionalScatter& scatter) {
        return moments_run(enter([&](Run& run) {
          return mixture::em_moments<T>(points(x), weights(weight), components<T>(type, means, factor, log_weight),
                                        scatter_from(scatter), run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), "covariance_type"_a, "means"_a, "factor"_a, "log_weight"_a,
      "scatter"_a.none(), "Moments of the samples under the responsibilities of a mixture: E and M step in one.");
  m.def(
      "mixture_moments",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, const Vector<std::int32_t>& labels, Index n_components,
         std::string_view type, const OptionalScatter& scatter) {
        return moments_run(enter([&](Run& run) {
          return mixture::label_moments<T>(points(x), weights(weight), view(labels), n_components,
                                           covariance_from_name(type), scatter_from(scatter), run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), "labels"_a, "n_components"_a, "covariance_type"_a, "scatter"_a.none(),
      "Moments of the samples of each label; -1 belongs to none.");
  m.def(
      "mixture_moments",
      [](const Matrix<T>& x, const OptionalVector<T>& weight, const Matrix<T>& resp, std::string_view type,
         const OptionalScatter& scatter) {
        return moments_run(enter([&](Run& run) {
          return mixture::resp_moments<T>(points(x), weights(weight), points(resp), covariance_from_name(type),
                                          scatter_from(scatter), run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), "resp"_a.noconvert(), "covariance_type"_a, "scatter"_a.none(),
      "Moments of the samples under given responsibilities.");
}

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
  nb::class_<ScatterRun>(m, "ScatterRun")
      .def_ro("weight", &ScatterRun::weight)
      .def_ro("mean", &ScatterRun::mean)
      .def_ro("second", &ScatterRun::second);
  nb::class_<MomentsRun>(m, "MomentsRun")
      .def_ro("weight", &MomentsRun::weight)
      .def_ro("means", &MomentsRun::means)
      .def_ro("covariances", &MomentsRun::covariances)
      .def_ro("log_likelihood", &MomentsRun::log_likelihood)
      .def_ro("entropy", &MomentsRun::entropy);
  nb::class_<FactorRun>(m, "FactorRun").def_ro("factor", &FactorRun::factor).def_ro("failed", &FactorRun::failed);
  m.def(
      "mixture_factors",
      [](std::string_view type, Index n_components, Index n_features, const Vector<double>& covariances) {
        std::vector<double> factor(covariances.size());
        const Index failed = enter([&](Run& run) {
          return mixture::precision_factors(covariance_from_name(type), n_components, n_features, covariances.data(),
                                            factor.data(), run);
        });
        return FactorRun{array(std::move(factor)), failed};
      },
      "covariance_type"_a, "n_components"_a, "n_features"_a, "covariances"_a,
      "Factors of the precisions, flat; `failed` is the first component that has none, or -1.");
  bind_moments<float>(m);
  bind_moments<double>(m);
  bind_density<float>(m);
  bind_density<double>(m);
}

}  // namespace shoal::bindings
