#include "density/attach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "neighbors/tiles.hpp"

namespace shoal::density {

using neighbors::BlockedRows;
using neighbors::Near;
using neighbors::Space;

template <class T>
Attachment attach(const Space<T>& rows, const Space<T>& fitted, std::span<const double> core,
                  const neighbors::Reachability& reach, Run& run) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const Index n = rows.rows().n_samples;
  const Index d = rows.rows().n_features;
  const BlockedRows<T> base(fitted, run);
  Attachment result;
  result.row.resize(static_cast<std::size_t>(n));
  result.height.resize(static_cast<std::size_t>(n));
  std::vector<std::int32_t> open(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) open[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
  std::vector<T> some;
  std::vector<Near> near;
  for (Index k = std::min<Index>(base.n(), 2 * static_cast<Index>(std::ceil(reach.min_samples))); !open.empty();
       k = std::min(base.n(), 2 * k)) {
    Points<const T> x = rows.rows();
    if (static_cast<Index>(open.size()) < n) {
      some.resize(open.size() * static_cast<std::size_t>(d));
      for (std::size_t i = 0; i < open.size(); ++i)
        std::copy_n(x.row(open[i]), d, some.data() + i * static_cast<std::size_t>(d));
      x = {some.data(), static_cast<Index>(open.size()), d};
    }
    const Space<T> here(rows, x);
    const BlockedRows<T> queries(here, run, base.origin());
    near.resize(open.size() * static_cast<std::size_t>(k));
    neighbors::k_nearest(queries, base, k, near, run);
    std::vector<std::int32_t> left;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const Near* list = near.data() + i * static_cast<std::size_t>(k);
      double within = 0;
      double own = inf;
      for (Index r = 0; r < k && own == inf; ++r)
        if ((within += reach.weight ? reach.weight[list[r].index] : 1) >= reach.min_samples) own = list[r].distance;
      std::tuple<double, double, std::int32_t> best{inf, inf, 0};
      for (Index r = 0; r < k; ++r)
        best = std::min(best,
                        {std::max({own, core[static_cast<std::size_t>(list[r].index)], list[r].distance / reach.alpha}),
                         list[r].distance, list[r].index});
      if (k < base.n() && !(std::get<0>(best) <= list[k - 1].distance / reach.alpha)) {
        left.push_back(open[i]);
        continue;
      }
      result.height[static_cast<std::size_t>(open[i])] = std::get<0>(best);
      result.row[static_cast<std::size_t>(open[i])] = std::get<2>(best);
    }
    open = std::move(left);
  }
  return result;
}

template Attachment attach(const Space<float>&, const Space<float>&, std::span<const double>,
                           const neighbors::Reachability&, Run&);
template Attachment attach(const Space<double>&, const Space<double>&, std::span<const double>,
                           const neighbors::Reachability&, Run&);

}  // namespace shoal::density
