// Affinity propagation.
#include "exemplar/affinity_propagation.hpp"

#include "bindings/rooms.hpp"

namespace shoal::bindings {
namespace {

nb::object to_python(exemplar::Exemplars&& found) {
  return nb::make_tuple(array(std::move(found.exemplars)), array(std::move(found.labels)), found.n_iter,
                        found.converged);
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "affinity_propagation",
      [](const Matrix<T>& s, double damping, Index max_iter, Index convergence_iter, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return exemplar::affinity_propagation(points(s), {damping, max_iter, convergence_iter}, run);
        }));
      },
      "s"_a.noconvert(), nb::kw_only(), "damping"_a, "max_iter"_a, "convergence_iter"_a,
      "progress"_a.none() = nb::none(), "Exemplars, labels, iterations, whether they converged.");
  m.def(
      "affinity_propagation_graph",
      [](const Vector<T>& value, const Vector<std::int32_t>& column, const Vector<std::int32_t>& start, double damping,
         Index max_iter, Index convergence_iter, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return exemplar::affinity_propagation(exemplar::Graph<T>{view(value), view(column), view(start)},
                                                {damping, max_iter, convergence_iter}, run);
        }));
      },
      "value"_a.noconvert(), "column"_a, "start"_a, nb::kw_only(), "damping"_a, "max_iter"_a, "convergence_iter"_a,
      "progress"_a.none() = nb::none(), "The same from stored similarities in compressed rows.");
  m.def(
      "similarities_alike",
      [](const Matrix<T>& s) { return enter([&](Run&) { return exemplar::all_alike(points(s)); }); }, "s"_a.noconvert(),
      "True when all values off the diagonal are the same.");
  m.def(
      "ranked_similarities",
      [](const Matrix<T>& s, bool off_diagonal, Index rank) {
        const auto [value, next] =
            enter([&](Run& run) { return exemplar::ranked(points(s), off_diagonal, rank, run); });
        return nb::make_tuple(value, next);
      },
      "s"_a.noconvert(), nb::kw_only(), "off_diagonal"_a, "rank"_a, "The values of this rank and the next.");
}

}  // namespace

void bind_exemplar(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace shoal::bindings
