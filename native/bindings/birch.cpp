// BIRCH: trees of clustering features, held by the caller as flat arrays.
#include "hierarchy/birch.hpp"

#include <nanobind/stl/tuple.h>

#include "bindings/rooms.hpp"

namespace shoal::bindings {
namespace {

using hierarchy::BirchOptions;
using hierarchy::BirchTree;

nb::object to_python(hierarchy::FlatTree&& tree, std::size_t n_features) {
  const std::size_t entries = tree.weight.size();
  return nb::make_tuple(array(std::move(tree.first)), array(std::move(tree.child)), array(std::move(tree.weight)),
                        array(std::move(tree.sq_dev)), array(std::move(tree.mean), {entries, n_features}),
                        array(std::move(tree.leaves)), array(std::move(tree.order)), tree.threshold);
}

// What to_python gave, without the last two; or None for an empty tree.
using Flat = std::optional<std::tuple<Vector<std::int64_t>, Vector<std::int32_t>, Vector<double>, Vector<double>,
                                      Matrix<double>, Vector<std::int32_t>>>;

BirchTree tree_of(const Flat& flat, Index n_features, const BirchOptions& options) {
  if (!flat) return {n_features, options};
  const auto& [first, child, weight, sq_dev, mean, leaves] = *flat;
  const auto starts = view(first);
  for (std::size_t node = 1; node < starts.size(); ++node)
    if (starts[node] - starts[node - 1] > options.branching_factor)
      throw std::invalid_argument("a node of the tree has more entries than branching_factor");
  return {n_features,
          options,
          {view(first), view(child), view(weight), view(sq_dev), {mean.data(), mean.size()}, view(leaves)}};
}

template <class T>
void bind(nb::module_& m) {
  const auto fit = [](const Flat& tree, const hierarchy::BirchRows<T>& rows, Index n_samples, Index n_features,
                      const OptionalVector<double>& weight, const BirchOptions& options, bool subclusters,
                      const Progress& progress) {
    hierarchy::BirchFit done = enter(progress, [&](Run& run) {
      BirchTree grown = tree_of(tree, n_features, options);
      return hierarchy::birch_fit(grown, rows, n_samples, n_features, weights(weight), subclusters, run);
    });
    return nb::make_tuple(to_python(std::move(done.tree), static_cast<std::size_t>(n_features)),
                          array(std::move(done.subcluster)));
  };
  m.def(
      "birch_fit",
      [fit](const Flat& tree, const Matrix<T>& x, const OptionalVector<double>& weight, double threshold,
            Index branching_factor, Index max_subclusters, Index max_nodes, bool subclusters,
            const Progress& progress) {
        return fit(tree, {points(x), {}, {}, {}}, static_cast<Index>(x.shape(0)), static_cast<Index>(x.shape(1)),
                   weight, {threshold, branching_factor, max_subclusters, max_nodes}, subclusters, progress);
      },
      "tree"_a.none(), "x"_a.noconvert(), "weight"_a.none(), nb::kw_only(), "threshold"_a, "branching_factor"_a,
      "max_subclusters"_a, "max_nodes"_a, "subclusters"_a, "progress"_a.none() = nb::none(),
      "The tree with the samples put in, and each sample's feature.");
  m.def(
      "birch_fit",
      [fit](const Flat& tree, const Vector<T>& value, const Vector<std::int32_t>& column,
            const Vector<std::int32_t>& start, Index n_features, const OptionalVector<double>& weight, double threshold,
            Index branching_factor, Index max_subclusters, Index max_nodes, bool subclusters,
            const Progress& progress) {
        return fit(tree, {{}, view(value), view(column), view(start)}, static_cast<Index>(start.shape(0)) - 1,
                   n_features, weight, {threshold, branching_factor, max_subclusters, max_nodes}, subclusters,
                   progress);
      },
      "tree"_a.none(), "value"_a.noconvert(), "column"_a, "start"_a, "n_features"_a, "weight"_a.none(), nb::kw_only(),
      "threshold"_a, "branching_factor"_a, "max_subclusters"_a, "max_nodes"_a, "subclusters"_a,
      "progress"_a.none() = nb::none());
  m.def(
      "birch_nearest",
      [](const Matrix<T>& x, const Matrix<double>& centers, const Vector<std::int32_t>& own) {
        return array(enter([&](Run& run) {
          return hierarchy::birch_nearest<T>({points(x), {}, {}, {}}, points(centers), view(own), run);
        }));
      },
      "x"_a.noconvert(), "centers"_a, "own"_a, "The nearest center of each sample, given its own subcluster.");
  m.def(
      "birch_nearest",
      [](const Vector<T>& value, const Vector<std::int32_t>& column, const Vector<std::int32_t>& start,
         const Matrix<double>& centers, const Vector<std::int32_t>& own) {
        return array(enter([&](Run& run) {
          return hierarchy::birch_nearest<T>({{}, view(value), view(column), view(start)}, points(centers), view(own),
                                             run);
        }));
      },
      "value"_a.noconvert(), "column"_a, "start"_a, "centers"_a, "own"_a);
}

}  // namespace

void bind_birch(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def(
      "birch_merge",
      [](const Flat& tree, const Matrix<double>& mean, const Vector<double>& weight, const Vector<double>& sq_dev,
         double threshold, Index branching_factor, Index max_subclusters, Index max_nodes) {
        const auto n_features = static_cast<Index>(mean.shape(1));
        return to_python(enter([&](Run& run) {
                           BirchTree grown =
                               tree_of(tree, n_features, {threshold, branching_factor, max_subclusters, max_nodes});
                           return hierarchy::birch_merge(grown, points(mean), view(weight), view(sq_dev), run);
                         }),
                         mean.shape(1));
      },
      "tree"_a.none(), "mean"_a, "weight"_a, "sq_dev"_a, nb::kw_only(), "threshold"_a, "branching_factor"_a,
      "max_subclusters"_a, "max_nodes"_a, "The tree with features put in.");
  m.def("birch_node_bytes", &BirchTree::node_bytes, "n_features"_a, "branching_factor"_a, "Bytes of one node.");
}

}  // namespace shoal::bindings
