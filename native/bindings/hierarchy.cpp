// Linkage: from rows, from given distances; see hierarchy/.
#include "bindings/rooms.hpp"
#include "distance/unit.hpp"
#include "hierarchy/chain.hpp"
#include "hierarchy/cut.hpp"
#include "hierarchy/generic.hpp"
#include "hierarchy/graph.hpp"
#include "hierarchy/leaf_order.hpp"
#include "hierarchy/rounds.hpp"
#include "hierarchy/single.hpp"
#include "hierarchy/ward.hpp"
#include "neighbors/mst.hpp"
#include "neighbors/mst_kd_tree.hpp"

namespace shoal::bindings {
namespace {

using hierarchy::Merge;
using hierarchy::Triangle;
using hierarchy::Update;

Update update_from_name(std::string_view name) {
  if (name == "complete") return Update::complete;
  if (name == "average") return Update::average;
  if (name == "weighted") return Update::weighted;
  if (name == "ward") return Update::ward;
  if (name == "centroid") return Update::centroid;
  if (name == "median") return Update::median;
  throw std::invalid_argument("unknown method '" + std::string(name) + "'");
}

hierarchy::Metric metric_of(neighbors::Norm norm, double p) {
  switch (norm) {
    case neighbors::Norm::manhattan:
      return {hierarchy::Norm::manhattan, p, false};
    case neighbors::Norm::chebyshev:
      return {hierarchy::Norm::chebyshev, p, false};
    case neighbors::Norm::minkowski:
      return {hierarchy::Norm::minkowski, p, false};
    default:
      return {hierarchy::Norm::sq_euclidean, p, norm == neighbors::Norm::cosine};
  }
}

bool has_inversions(std::string_view method) {
  return method == "centroid" || method == "median";
}

template <class T>
std::vector<Merge> merge_triangle(std::string_view method, Triangle<T>& triangle, Weights<double> weight, Run& run) {
  const Update update = update_from_name(method);
  if (update == Update::ward && weight) triangle.weigh_for_ward(weight, run);
  return has_inversions(method) ? hierarchy::merge_by_heap(update, triangle, weight, run)
                                : hierarchy::merge_by_chain(update, triangle, weight, run);
}

/// `fewest_pairs` > 0: in rounds; see merge_by_rounds.
template <class T>
std::vector<Merge> merge_rows(std::string_view method, const hierarchy::Metric& metric, Points<const double> x,
                              Weights<double> weight, double fewest_pairs, Run& run) {
  if (fewest_pairs > 0)
    return hierarchy::merge_by_rounds<T>(update_from_name(method), metric, x, weight, fewest_pairs, run);
  Triangle<T> triangle(metric, x, run);
  return merge_triangle(method, triangle, weight, run);
}

nb::tuple to_python(hierarchy::Tree&& tree) {
  return nb::make_tuple(array(std::move(tree.left)), array(std::move(tree.right)), array(std::move(tree.height)),
                        array(std::move(tree.size)));
}

nb::tuple to_python(hierarchy::Agglomeration&& found) {
  return nb::make_tuple(array(std::move(found.first)), array(std::move(found.second)), array(std::move(found.height)));
}

template <class S>
void bind_condensed(nb::module_& m) {
  m.def(
      "linkage_condensed",
      [](const Vector<S>& distances, Index n, std::string_view method, const OptionalVector<double>& weight,
         bool in_float32, bool ordered, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          std::vector<Merge> merges;
          if (method == "single") {
            merges = hierarchy::merge_single(view(distances), n, run);
          } else if (in_float32) {
            Triangle<float> triangle(view(distances), n, run);
            merges = merge_triangle(method, triangle, weights(weight), run);
          } else {
            Triangle<double> triangle(view(distances), n, run);
            merges = merge_triangle(method, triangle, weights(weight), run);
          }
          return hierarchy::tree_of(std::move(merges), weights(weight), !has_inversions(method), ordered);
        }));
      },
      "distances"_a.noconvert(), "n"_a, nb::kw_only(), "method"_a, "weight"_a.none(), "in_float32"_a, "ordered"_a,
      "progress"_a.none() = nb::none(),
      "Linkage of n samples from their condensed distances: (left, right, height, size); `in_float32` works on a copy "
      "in that type; without `ordered`, left is not always the smaller.");
}

template <class S>
void bind_leaf_order(nb::module_& m) {
  m.def(
      "order_leaves",
      [](const Vector<std::int32_t>& left, const Vector<std::int32_t>& right, const Vector<S>& distances,
         const Progress& progress) {
        return array(enter(progress, [&](Run& run) {
          return hierarchy::order_leaves<S>(view(left), view(right), view(distances), run);
        }));
      },
      "left"_a, "right"_a, "distances"_a.noconvert(), nb::kw_only(), "progress"_a.none() = nb::none(),
      "Optimal leaf ordering by condensed distances: 1 for each merge whose right child is to stand on the left.");
}

}  // namespace

void bind_hierarchy(nb::module_& m) {
  bind_condensed<float>(m);
  bind_condensed<double>(m);
  bind_leaf_order<float>(m);
  bind_leaf_order<double>(m);
  m.def(
      "linkage_matrix",
      [](const Matrix<double>& x, std::string_view method, std::string_view metric, double p,
         const OptionalVector<double>& weight, bool in_float32, double fewest_pairs, bool ordered,
         const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          const neighbors::Norm norm = neighbors::norm_from_name(metric);
          const neighbors::Space<double> space(
              norm, p, points(x), norm == neighbors::Norm::cosine && distance::has_zero_row(points(x)), run);
          const hierarchy::Metric measure = metric_of(norm, p);
          std::vector<Merge> merges;
          if (method == "single") {
            merges = hierarchy::merge_single(measure, space.rows(), run);
          } else if (in_float32) {
            merges = merge_rows<float>(method, measure, space.rows(), weights(weight), fewest_pairs, run);
          } else {
            merges = merge_rows<double>(method, measure, space.rows(), weights(weight), fewest_pairs, run);
          }
          return hierarchy::tree_of(std::move(merges), weights(weight), !has_inversions(method), ordered);
        }));
      },
      "x"_a.noconvert(), nb::kw_only(), "method"_a, "metric"_a, "p"_a, "weight"_a.none(), "in_float32"_a,
      "fewest_pairs"_a, "ordered"_a, "progress"_a.none() = nb::none(),
      "The same from rows, by all distances; single computes them as it goes. fewest_pairs > 0 (complete, average, "
      "weighted, ward): rounds that find fewer pairs than this part of the clusters hand over to the chain; 0: the "
      "chain.");
  m.def(
      "linkage_single",
      [](const Matrix<double>& x, std::string_view metric, double p, const OptionalVector<double>& weight, bool kd_tree,
         bool ordered, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          const neighbors::Norm norm = neighbors::norm_from_name(metric);
          neighbors::SpanningTree tree;
          if (kd_tree) {
            const Index leaf = neighbors::default_leaf_size(static_cast<Index>(x.shape(1)));
            const neighbors::KDTree<double> rows(points(x), {}, leaf, {neighbors::metric_from_name(metric), p}, run);
            tree = neighbors::mst_kd_tree<double>(rows, 1, 1.0, std::span<double>(), run);
          } else {
            const neighbors::Space<double> space(
                norm, p, points(x), norm == neighbors::Norm::cosine && distance::has_zero_row(points(x)), run);
            tree = neighbors::mst_tiles(space, neighbors::Reachability{.min_samples = 1}, run);
          }
          return hierarchy::tree_of(hierarchy::merge_single(tree, run), weights(weight), true, ordered);
        }));
      },
      "x"_a.noconvert(), nb::kw_only(), "metric"_a, "p"_a, "weight"_a.none(), "kd_tree"_a, "ordered"_a,
      "progress"_a.none() = nb::none(), "Single linkage of rows from their minimum spanning tree.");
  m.def(
      "linkage_centroids",
      [](const Matrix<double>& x, std::string_view method, const OptionalVector<double>& weight, double fewest_pairs,
         bool unless_tied, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          auto merges = method == "ward"
                            ? hierarchy::merge_ward(points(x), weights(weight), {fewest_pairs, unless_tied}, run)
                            : hierarchy::merge_by_heap(update_from_name(method), points(x), weights(weight), run);
          return hierarchy::tree_of(std::move(merges), weights(weight), method == "ward");
        }));
      },
      "x"_a.noconvert(), nb::kw_only(), "method"_a, "weight"_a.none(), "fewest_pairs"_a, "unless_tied"_a = false,
      "progress"_a.none() = nb::none(),
      "Ward, centroid or median linkage of rows from centroids, without their distances. Ward: rounds that find fewer "
      "pairs than `fewest_pairs` of the clusters hand over to the chain of nearest neighbours; `unless_tied`: an empty "
      "tree where another formula's rounding could find other merges or another order of them.");
  m.def(
      "graph_ward",
      [](const Matrix<double>& x, const OptionalVector<double>& weight, const Vector<std::int32_t>& indptr,
         const Vector<std::int32_t>& indices, Index n_clusters, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return hierarchy::merge_graph_ward(points(x), weights(weight), {view(indptr), view(indices)}, n_clusters,
                                             run);
        }));
      },
      "x"_a.noconvert(), "weight"_a.none(), "indptr"_a, "indices"_a, nb::kw_only(), "n_clusters"_a,
      "progress"_a.none() = nb::none(),
      "Ward agglomeration along a connected symmetric graph until n_clusters are left: (first, second, increase of the "
      "sum of squares); merge i is node n + i.");
  m.def(
      "graph_linkage",
      [](const Vector<double>& distances, const OptionalVector<double>& weight, const Vector<std::int32_t>& indptr,
         const Vector<std::int32_t>& indices, bool complete, Index n_clusters, const Progress& progress) {
        return to_python(enter(progress, [&](Run& run) {
          return hierarchy::merge_graph(complete, view(distances), weights(weight), {view(indptr), view(indices)},
                                        n_clusters, run);
        }));
      },
      "distances"_a, "weight"_a.none(), "indptr"_a, "indices"_a, nb::kw_only(), "complete"_a, "n_clusters"_a,
      "progress"_a.none() = nb::none(), "The same by the largest or the mean distance: (first, second, height).");
  m.def(
      "labels_below",
      [](const Vector<std::int32_t>& left, const Vector<std::int32_t>& right, Index n,
         const Vector<std::int64_t>& label) {
        return array(enter([&](Run&) {
          return hierarchy::labels_below(view(left), view(right), n,
                                         std::vector<std::int64_t>(label.data(), label.data() + label.shape(0)));
        }));
      },
      "left"_a, "right"_a, "n"_a, "label"_a, "Labels of the leaves from those of some nodes above them, -1 elsewhere.");
  m.def(
      "labels_after",
      [](const Vector<std::int32_t>& left, const Vector<std::int32_t>& right, Index merges) {
        return array(enter([&](Run&) { return hierarchy::labels_after(view(left), view(right), merges); }));
      },
      "left"_a, "right"_a, "merges"_a, "Labels of the leaves after so many merges, numbered by first appearance.");
}

}  // namespace shoal::bindings
