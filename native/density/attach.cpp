#include "density/attach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "neighbors/tiles.hpp"

namespace shoal::density {

using neighbors::BlockedRows;
using neighbors::KDTree;
using Near = neighbors::Near<double>;
using neighbors::Reachability;
using neighbors::Space;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// The distance within which the weight is enough, infinite when the whole list is not.
template <class Neighbour>
double enough_within(Index k, const Reachability& reach, Neighbour&& neighbour) {
  double within = 0;
  for (Index r = 0; r < k; ++r) {
    const Near near = neighbour(r);
    if ((within += reach.weight ? reach.weight[near.row] : 1) >= reach.min_samples) return near.distance;
  }
  return inf;
}

// nearest(rows, k, list): the k nearest fitted rows of some of the rows.
template <class T, class Nearest>
Attachment attach_all(Points<const T> x, Index n_fitted, std::span<const double> core, const Reachability& reach,
                      Nearest&& nearest) {
  const auto n = static_cast<std::size_t>(x.n_samples);
  const auto d = static_cast<std::size_t>(x.n_features);
  Attachment result;
  result.row.resize(n);
  result.height.resize(n);
  std::vector<std::int32_t> open(n);
  std::iota(open.begin(), open.end(), 0);
  std::vector<T> some;
  std::vector<Near> near;
  neighbors::lengthen_lists(
      std::move(open), std::min(n_fitted, 2 * static_cast<Index>(std::ceil(reach.min_samples))), n_fitted,
      [&](std::span<const std::int32_t> here, Index k) {
        Points<const T> rows = x;
        if (here.size() < n) {
          some.resize(here.size() * d);
          for (std::size_t i = 0; i < here.size(); ++i) std::copy_n(x.row(here[i]), d, some.data() + i * d);
          rows = {some.data(), std::ssize(here), x.n_features};
        }
        near.resize(here.size() * static_cast<std::size_t>(k));
        nearest(rows, k, near);
      },
      [&](std::int32_t at, std::size_t place, Index k) {
        const Near* list = near.data() + place * static_cast<std::size_t>(k);
        const double own = enough_within(k, reach, [&](Index r) { return list[r]; });
        std::tuple<double, double, std::int32_t> best{inf, inf, 0};
        for (Index r = 0; r < k; ++r) {
          const double other = core[static_cast<std::size_t>(list[r].row)];
          best =
              std::min(best, {std::max({own, other, list[r].distance / reach.alpha}), list[r].distance, list[r].row});
        }
        // a row beyond the list is at least as far as its last
        if (k < n_fitted && !(std::get<0>(best) <= list[k - 1].distance / reach.alpha)) return false;
        result.height[static_cast<std::size_t>(at)] = std::get<0>(best);
        result.row[static_cast<std::size_t>(at)] = std::get<2>(best);
        return true;
      });
  return result;
}

}  // namespace

template <class T>
Attachment attach(const Space<T>& rows, const Space<T>& fitted, std::span<const double> core, const Reachability& reach,
                  Run& run) {
  const BlockedRows<T> base(fitted, run);
  return attach_all<T>(rows.rows(), base.n(), core, reach, [&](Points<const T> some, Index k, std::span<Near> near) {
    const Space<T> here(rows, some);
    const BlockedRows<T> queries(here, run, base.origin());
    neighbors::k_nearest(queries, base, k, near, run);
  });
}
template Attachment attach(const Space<float>&, const Space<float>&, std::span<const double>, const Reachability&,
                           Run&);
template Attachment attach(const Space<double>&, const Space<double>&, std::span<const double>, const Reachability&,
                           Run&);

Attachment attach(Points<const double> rows, const KDTree<double>& fitted, std::span<const double> core,
                  const Reachability& reach, Run& run) {
  std::vector<double> distance;
  std::vector<std::int32_t> row;
  return attach_all<double>(rows, fitted.n_samples(), core, reach,
                            [&](Points<const double> some, Index k, std::span<Near> near) {
                              distance.resize(near.size());
                              row.resize(near.size());
                              neighbors::k_nearest(fitted, some, k, distance.data(), row.data(), run);
                              for (std::size_t i = 0; i < near.size(); ++i) near[i] = {distance[i], row[i]};
                            });
}

void weighted_core_distances(const KDTree<double>& tree, const Reachability& reach, std::span<double> core, Run& run) {
  const Index n = tree.n_samples();
  const auto d = static_cast<std::size_t>(tree.n_features());
  const Index first = std::min(n, static_cast<Index>(std::ceil(reach.min_samples)));
  std::vector<double> distance(static_cast<std::size_t>(n * first));
  std::vector<std::int32_t> row(distance.size());
  const auto core_of = [&](std::size_t list, Index k) {
    return enough_within(k, reach, [&](Index r) {
      const std::size_t at = list * static_cast<std::size_t>(k) + static_cast<std::size_t>(r);
      return Near{distance[at], row[at]};
    });
  };
  neighbors::k_nearest_of_own(tree, first, distance.data(), row.data(), run);
  std::vector<Index> open;  // positions, near each other where they follow each other
  for (Index position = 0; position < n; ++position) {
    const auto i = static_cast<std::size_t>(tree.row(position));
    core[i] = core_of(i, first);
    if (!(core[i] < inf)) open.push_back(position);
  }
  if (first == n) return;
  std::vector<double> some;
  neighbors::lengthen_lists(
      std::move(open), std::min(n, 2 * first), n,
      [&](std::span<const Index> here, Index k) {
        some.resize(here.size() * d);
        for (std::size_t i = 0; i < here.size(); ++i) tree.point(here[i], some.data() + i * d);
        distance.resize(here.size() * static_cast<std::size_t>(k));
        row.resize(distance.size());
        neighbors::k_nearest(tree, {some.data(), std::ssize(here), tree.n_features()}, k, distance.data(), row.data(),
                             run);
      },
      [&](Index position, std::size_t place, Index k) {
        double& own = core[static_cast<std::size_t>(tree.row(position))];
        own = core_of(place, k);
        return own < inf;
      });
}

}  // namespace shoal::density
