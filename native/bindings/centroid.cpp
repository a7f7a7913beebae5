// The k-means family. Data come dense (a matrix) or as the three arrays of a CSR matrix and its number of columns.
#include "bindings/rooms.hpp"
#include "centroid/bisecting.hpp"
#include "centroid/kmeans.hpp"
#include "centroid/minibatch.hpp"
#include "centroid/seeding.hpp"
#include "centroid/unit_rows.hpp"
#include "centroid/update.hpp"

namespace shoal::bindings {
namespace {

using centroid::Moments;
using centroid::Rows;

struct KMeansRun {
  nb::object centers;
  nb::object labels;
  double inertia;
  Index n_iter;
  bool converged;
};

struct BisectingRun {
  nb::object centers;
  nb::object labels;
  double inertia;
  Index n_found;
  nb::object child;
  nb::object node_centers;
};

struct MiniBatchRun {
  nb::object centers;
  nb::object means;
  nb::object counts;
  double seen;
  Index n_steps;
  double mean_inertia;
  bool converged;
};

template <class T>
MiniBatchRun minibatch_run(centroid::MiniBatchState<T>&& state, std::size_t n_clusters, std::size_t n_features,
                           Index n_steps, double mean_inertia, bool converged) {
  return {array(std::move(state.centers), {n_clusters, n_features}),
          array(std::move(state.means), {n_clusters, n_features}),
          array(std::move(state.counts)),
          state.seen,
          n_steps,
          mean_inertia,
          converged};
}

centroid::DrawFor purpose_from_name(std::string_view name) {
  if (name == "step") return centroid::DrawFor::step;
  if (name == "start") return centroid::DrawFor::start;
  if (name == "validation") return centroid::DrawFor::validation;
  throw std::invalid_argument("unknown purpose '" + std::string(name) + "'");
}

centroid::Algorithm algorithm_from_name(std::string_view name) {
  if (name == "lloyd") return centroid::Algorithm::lloyd;
  if (name == "hamerly") return centroid::Algorithm::hamerly;
  if (name == "yinyang") return centroid::Algorithm::yinyang;
  if (name == "elkan") return centroid::Algorithm::elkan;
  if (name == "auto") return centroid::Algorithm::automatic;
  throw std::invalid_argument("unknown algorithm '" + std::string(name) + "'");
}

/// Defines a function twice: its data argument as `x`, and as `value, column, start, n_features`.
/// body(const Rows<T>&, rest...) does the work.
template <class T, class... Rest, class Body, class... Extra>
void def_rows(nb::module_& m, const char* name, Body body, const Extra&... extra) {
  m.def(
      name, [body](const Matrix<T>& x, Rest... rest) { return body(Rows<T>(points(x)), rest...); }, "x"_a.noconvert(),
      extra...);
  m.def(
      name,
      [body](const Vector<T>& value, const Vector<std::int32_t>& column, const Vector<std::int32_t>& start,
             Index n_features, Rest... rest) {
        const centroid::Csr<T> csr{value.data(), column.data(), start.data()};
        return body(Rows<T>(csr, static_cast<Index>(start.shape(0)) - 1, n_features), rest...);
      },
      "value"_a.noconvert(), "column"_a, "start"_a, "n_features"_a, extra...);
}

template <class T>
nb::object rows_drawn(std::vector<Index>&& rows) {
  std::vector<std::int64_t> out(rows.begin(), rows.end());
  return array(std::move(out));
}

template <class T>
void bind_minibatch(nb::module_& m) {
  def_rows<T, const OptionalVector<T>&, const Matrix<T>&, Index, Index, double, Index, double, bool, std::uint64_t,
           const Progress&>(
      m, "minibatch_fit",
      [](const Rows<T>& x, const OptionalVector<T>& weight, const Matrix<T>& start, Index batch_size, Index max_steps,
         double tol, Index max_no_improvement, double reassignment_ratio, bool spherical, std::uint64_t seed,
         const Progress& progress) {
        const centroid::MiniBatchOptions options{batch_size,         max_steps, tol, max_no_improvement,
                                                 reassignment_ratio, spherical, seed};
        auto result = enter(progress, [&](Run& run) {
          return centroid::minibatch_fit<T>(x, weights(weight), points(start), options, run);
        });
        return minibatch_run(std::move(result.state), start.shape(0), start.shape(1), result.n_steps,
                             result.mean_inertia, result.converged);
      },
      "weight"_a.none(), "centers"_a, nb::kw_only(), "batch_size"_a, "max_steps"_a, "tol"_a, "max_no_improvement"_a,
      "reassignment_ratio"_a, "spherical"_a, "seed"_a, "progress"_a.none() = nb::none());
  def_rows<T, const OptionalVector<T>&, const Matrix<T>&, const Matrix<double>&, const Vector<double>&, double, Index,
           double, bool, std::uint64_t>(
      m, "minibatch_step",
      [](const Rows<T>& x, const OptionalVector<T>& weight, const Matrix<T>& centers, const Matrix<double>& means,
         const Vector<double>& counts, double seen, Index step, double reassignment_ratio, bool spherical,
         std::uint64_t seed) {
        centroid::MiniBatchState<T> state(points(centers));
        state.means.assign(means.data(), means.data() + means.size());
        state.counts.assign(counts.data(), counts.data() + counts.size());
        state.seen = seen;
        centroid::MiniBatchOptions options;
        options.reassignment_ratio = reassignment_ratio;
        options.spherical = spherical;
        options.seed = seed;
        const double inertia =
            enter([&](Run& run) { return centroid::minibatch_step<T>(x, weights(weight), state, step, options, run); });
        return minibatch_run(std::move(state), centers.shape(0), centers.shape(1), 1, inertia, false);
      },
      "weight"_a.none(), "centers"_a, "means"_a, "counts"_a, nb::kw_only(), "seen"_a, "step"_a, "reassignment_ratio"_a,
      "spherical"_a, "seed"_a);
  m.def(
      "minibatch_rows",
      [](Index n_samples, const OptionalVector<T>& weight, Index count, std::uint64_t seed, std::string_view purpose,
         Index number) {
        return array(
            centroid::draw_rows<T>(n_samples, weights(weight), count, seed, purpose_from_name(purpose), number));
      },
      "n_samples"_a, "weight"_a.none(), nb::kw_only(), "count"_a, "seed"_a, "purpose"_a, "number"_a,
      "Rows drawn with replacement, by weight.");
}

template <class T>
void bind_bisecting(nb::module_& m) {
  def_rows<T, const OptionalVector<T>&, const std::optional<nb::callable>&, Index, Index, Index, double, bool, bool,
           bool, std::uint64_t, const Progress&>(
      m, "bisecting_fit",
      [](const Rows<T>& x, const OptionalVector<T>& weight, const std::optional<nb::callable>& start, Index n_clusters,
         Index n_init, Index max_iter, double tol, bool by_inertia, bool plusplus, bool spherical, std::uint64_t seed,
         const Progress& progress) {
        const centroid::BisectingOptions options{n_clusters, n_init,   max_iter,  tol,
                                                 by_inertia, plusplus, spherical, seed};
        centroid::TwoCenters<T> two_centers;
        if (start)
          two_centers = [&](std::span<const std::int32_t> members, T* centers) {
            nb::gil_scoped_acquire gil;
            const auto made = nb::cast<Matrix<T>>((*start)(array(std::vector(members.begin(), members.end()))));
            std::copy_n(made.data(), made.size(), centers);
          };
        auto result = enter(progress, [&](Run& run) {
          return centroid::bisecting_fit<T>(x, weights(weight), options, two_centers, run);
        });
        const auto d = static_cast<std::size_t>(x.n_features);
        const std::size_t nodes = result.tree.child.size();
        return BisectingRun{array(std::move(result.centers), {static_cast<std::size_t>(n_clusters), d}),
                            array(std::move(result.labels)),
                            result.inertia,
                            result.n_found,
                            array(std::move(result.tree.child)),
                            array(std::move(result.tree.centers), {nodes, d})};
      },
      "weight"_a.none(), "two_centers"_a.none(), nb::kw_only(), "n_clusters"_a, "n_init"_a, "max_iter"_a, "tol"_a,
      "by_inertia"_a, "plusplus"_a, "spherical"_a, "seed"_a, "progress"_a.none() = nb::none());
  def_rows<T, const Vector<std::int32_t>&, const Matrix<T>&>(
      m, "bisecting_assign",
      [](const Rows<T>& x, const Vector<std::int32_t>& child, const Matrix<T>& node_centers) {
        std::vector<std::int32_t> labels(static_cast<std::size_t>(x.n_samples));
        enter([&](Run& run) { centroid::bisecting_assign<T>(x, view(child), points(node_centers), labels, run); });
        return array(std::move(labels));
      },
      "child"_a, "node_centers"_a, "Leaf of each sample, by the nearer child at every node; a tie goes left.");
}

template <class T>
void bind(nb::module_& m) {
  def_rows<T, const OptionalVector<T>&, const Matrix<T>&, Index, double, std::string_view, bool, const Progress&>(
      m, "kmeans_fit",
      [](const Rows<T>& x, const OptionalVector<T>& weight, const Matrix<T>& start, Index max_iter, double tol,
         std::string_view algorithm, bool spherical, const Progress& progress) {
        const centroid::KMeansOptions options{max_iter, tol, algorithm_from_name(algorithm), spherical};
        auto result = enter(progress, [&](Run& run) {
          return centroid::kmeans_fit<T>(x, weights(weight), points(start), options, run);
        });
        return KMeansRun{array(std::move(result.centers), {start.shape(0), start.shape(1)}),
                         array(std::move(result.labels)), result.inertia, result.n_iter, result.converged};
      },
      "weight"_a.none(), "centers"_a, nb::kw_only(), "max_iter"_a, "tol"_a, "algorithm"_a, "spherical"_a = false,
      "progress"_a.none() = nb::none());
  def_rows<T, const Matrix<T>&>(
      m, "kmeans_assign",
      [](const Rows<T>& x, const Matrix<T>& centers) {
        std::vector<std::int32_t> labels(static_cast<std::size_t>(x.n_samples));
        enter([&](Run& run) { centroid::assign_all<T>(x, points(centers), labels, run); });
        return array(std::move(labels));
      },
      "centers"_a, "Nearest centre of each sample; a tie goes to the smaller centre.");
  def_rows<T, const OptionalVector<T>&, const Matrix<T>&, const Vector<std::int32_t>&>(
      m, "kmeans_inertia",
      [](const Rows<T>& x, const OptionalVector<T>& weight, const Matrix<T>& centers,
         const Vector<std::int32_t>& labels) {
        return enter(
            [&](Run& run) { return centroid::inertia<T>(x, weights(weight), points(centers), view(labels), run); });
      },
      "weight"_a.none(), "centers"_a, "labels"_a, "Weighted sum of squared distances to the own centres.");
  def_rows<T>(
      m, "unit_rows",
      [](const Rows<T>& x) {
        std::vector<T> out(static_cast<std::size_t>(x.size()));
        enter([&](Run& run) { centroid::unit_rows<T>(x, out.data(), run); });
        if (x.sparse()) return array(std::move(out));
        return array(std::move(out), {static_cast<std::size_t>(x.n_samples), static_cast<std::size_t>(x.n_features)});
      },
      "The values, each row scaled to unit length.");
  def_rows<T, const OptionalVector<T>&>(
      m, "moments",
      [](const Rows<T>& x, const OptionalVector<T>& weight) {
        return enter([&](Run& run) { return centroid::moments<T>(x, weights(weight), run); });
      },
      "weight"_a.none(), "Weighted means and variances of the features.");
  def_rows<T, const OptionalVector<T>&, Index, Index, std::uint64_t, const Progress&, const Moments*>(
      m, "kmeans_plusplus",
      [](const Rows<T>& x, const OptionalVector<T>& weight, Index n_clusters, Index n_draws, std::uint64_t seed,
         const Progress& progress, const Moments* moments) {
        if (moments && std::ssize(moments->mean) != x.n_features)
          throw std::invalid_argument("moments of other samples");
        return rows_drawn<T>(enter(progress, [&](Run& run) {
          return centroid::kmeans_plusplus<T>(x, weights(weight), n_clusters, n_draws, {seed, 0}, run, moments);
        }));
      },
      "weight"_a.none(), nb::kw_only(), "n_clusters"_a, "n_draws"_a, "seed"_a, "progress"_a.none() = nb::none(),
      "moments"_a.none() = nb::none(), "Rows of the greedy k-means++ start; moments of x and weight save a pass.");
  def_rows<T, const OptionalVector<T>&, Index, std::uint64_t>(
      m, "random_rows",
      [](const Rows<T>& x, const OptionalVector<T>& weight, Index n_clusters, std::uint64_t seed) {
        return rows_drawn<T>(
            enter([&](Run& run) { return centroid::random_rows<T>(x, weights(weight), n_clusters, {seed, 0}, run); }));
      },
      "weight"_a.none(), nb::kw_only(), "n_clusters"_a, "seed"_a, "Distinct rows, drawn by weight.");
  def_rows<T, const OptionalVector<T>&, Index, Index, double, std::uint64_t, const Progress&>(
      m, "kmeans_parallel",
      [](const Rows<T>& x, const OptionalVector<T>& weight, Index n_clusters, Index rounds, double oversampling,
         std::uint64_t seed, const Progress& progress) {
        return rows_drawn<T>(enter(progress, [&](Run& run) {
          return centroid::kmeans_parallel<T>(x, weights(weight), n_clusters, rounds, oversampling, {seed, 0}, run);
        }));
      },
      "weight"_a.none(), nb::kw_only(), "n_clusters"_a, "rounds"_a, "oversampling"_a, "seed"_a,
      "progress"_a.none() = nb::none(), "Rows of the k-means|| start.");
}

}  // namespace

void bind_centroid(nb::module_& m) {
  nb::class_<Moments>(m, "Moments").def_ro("variance", &Moments::variance);
  nb::class_<KMeansRun>(m, "KMeansRun")
      .def_ro("centers", &KMeansRun::centers)
      .def_ro("labels", &KMeansRun::labels)
      .def_ro("inertia", &KMeansRun::inertia)
      .def_ro("n_iter", &KMeansRun::n_iter)
      .def_ro("converged", &KMeansRun::converged);
  nb::class_<BisectingRun>(m, "BisectingRun")
      .def_ro("centers", &BisectingRun::centers)
      .def_ro("labels", &BisectingRun::labels)
      .def_ro("inertia", &BisectingRun::inertia)
      .def_ro("n_found", &BisectingRun::n_found)
      .def_ro("child", &BisectingRun::child)
      .def_ro("node_centers", &BisectingRun::node_centers);
  nb::class_<MiniBatchRun>(m, "MiniBatchRun")
      .def_ro("centers", &MiniBatchRun::centers)
      .def_ro("means", &MiniBatchRun::means)
      .def_ro("counts", &MiniBatchRun::counts)
      .def_ro("seen", &MiniBatchRun::seen)
      .def_ro("n_steps", &MiniBatchRun::n_steps)
      .def_ro("mean_inertia", &MiniBatchRun::mean_inertia)
      .def_ro("converged", &MiniBatchRun::converged);
  bind<float>(m);
  bind<double>(m);
  bind_minibatch<float>(m);
  bind_minibatch<double>(m);
  bind_bisecting<float>(m);
  bind_bisecting<double>(m);
}

}  // namespace shoal::bindings
