#include "density/xi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace shoal::density {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// What a place of the plot does, seen with the one after it. All false next to inf / inf and 0 / 0.
struct Slope {
  bool steep_up = false, steep_down = false, up = false, down = false;
};

struct SteepDown {
  Index start, end;
  double between;  // the largest reachability since its end
};

class Plot {
 public:
  Plot(std::span<const double> reachability, std::span<const std::int64_t> predecessor,
       std::span<const std::int64_t> ordering, double xi, Index min_samples)
      : reachability_(reachability.begin(), reachability.end()),
        keep_(1 - xi),
        min_samples_(min_samples),
        slope_(reachability.size()),
        reached_from_(reachability.size(), -1) {
    reachability_.push_back(infinity);
    std::vector<Index> place(ordering.size());
    for (std::size_t i = 0; i < ordering.size(); ++i)
      place[static_cast<std::size_t>(ordering[i])] = static_cast<Index>(i);
    for (std::size_t i = 0; i < slope_.size(); ++i) {
      const double ratio = reachability_[i] / reachability_[i + 1];
      slope_[i] = {ratio <= keep_, ratio >= 1 / keep_, ratio < 1, ratio > 1};
      if (predecessor[i] >= 0) reached_from_[i] = place[static_cast<std::size_t>(predecessor[i])];
    }
  }

  Index size() const { return static_cast<Index>(slope_.size()); }
  double at(Index i) const { return reachability_[static_cast<std::size_t>(i)]; }
  double keep() const { return keep_; }
  const Slope& slope(Index i) const { return slope_[static_cast<std::size_t>(i)]; }

  // The last steep place of the area that starts at `start`: it never turns, and holds no more than min_samples
  // places in a row that are not steep.
  Index area_end(Index start, bool up) const {
    Index end = start;
    Index flat = 0;
    for (Index i = start; i < size(); ++i) {
      const Slope& here = slope(i);
      if (up ? here.steep_up : here.steep_down) {
        flat = 0;
        end = i;
      } else if (up ? here.down : here.up) {
        break;
      } else if (++flat > min_samples_) {
        break;
      }
    }
    return end;
  }

  // The end of a cluster, moved left to a place that lies below its start or was reached from inside.
  std::optional<Index> corrected_end(Index start, Index end) const {
    for (; start < end; --end) {
      if (at(start) > at(end)) return end;
      const Index from = reached_from_[static_cast<std::size_t>(end)];
      if (from >= start && from < end) return end;
    }
    return std::nullopt;
  }

 private:
  std::vector<double> reachability_;
  double keep_;
  Index min_samples_;
  std::vector<Slope> slope_;
  std::vector<Index> reached_from_;  // the place of the predecessor, or -1
};

// Areas that nothing since has risen above stay; they learn how high it got.
void filter(std::vector<SteepDown>& areas, double between, const Plot& plot) {
  if (between == infinity) return areas.clear();
  std::erase_if(areas, [&](const SteepDown& area) { return !(between <= plot.at(area.start) * plot.keep()); });
  for (SteepDown& area : areas) area.between = std::max(area.between, between);
}

// The cluster between a steep down area and the steep up area [up_start, up_end], if there is one.
std::optional<XiCluster> cluster_between(const SteepDown& area, Index up_start, Index up_end, const Plot& plot,
                                         Index min_size, bool correct) {
  const double after = plot.at(up_end + 1);
  const double before = plot.at(area.start);
  if (after * plot.keep() < area.between) return std::nullopt;
  Index start = area.start;
  Index end = up_end;
  if (before * plot.keep() >= after) {
    while (start < area.end && plot.at(start + 1) > after) ++start;
  } else if (after * plot.keep() >= before) {
    while (end > up_start && plot.at(end - 1) > before) --end;
  }
  if (correct) {
    const std::optional<Index> corrected = plot.corrected_end(start, end);
    if (!corrected) return std::nullopt;
    end = *corrected;
  }
  if (end - start + 1 < min_size || start > area.end || end < up_start) return std::nullopt;
  return XiCluster{start, end};
}

}  // namespace

XiResult xi_clusters(std::span<const double> reachability, std::span<const std::int64_t> predecessor,
                     std::span<const std::int64_t> ordering, double xi, Index min_samples, Index min_cluster_size,
                     bool predecessor_correction, Run& run) {
  const Plot plot(reachability, predecessor, ordering, xi, min_samples);
  XiResult result;
  std::vector<SteepDown> areas;
  double between = 0;
  Index next = 0;  // the first place not looked at
  for (Index i = 0; i < plot.size(); ++i) {
    const Slope& here = plot.slope(i);
    if (i < next || !(here.steep_up || here.steep_down)) continue;
    run.checkpoint();
    for (Index j = next; j <= i; ++j) between = std::max(between, plot.at(j));
    filter(areas, between, plot);
    const Index end = plot.area_end(i, !here.steep_down);
    if (here.steep_down) {
      areas.push_back({i, end, 0});
    } else {
      // later areas start nearer by: their clusters are the smaller ones
      for (auto area = areas.rbegin(); area != areas.rend(); ++area)
        if (const auto cluster = cluster_between(*area, i, end, plot, min_cluster_size, predecessor_correction))
          result.clusters.push_back(*cluster);
    }
    next = end + 1;
    between = plot.at(next);
  }

  std::vector<std::int32_t> label(ordering.size(), -1);
  std::int32_t n_labels = 0;
  for (const XiCluster& cluster : result.clusters) {
    run.checkpoint();
    const auto begin = label.begin() + cluster.start;
    const auto end = label.begin() + cluster.end + 1;
    if (std::any_of(begin, end, [](std::int32_t l) { return l != -1; })) continue;
    std::fill(begin, end, n_labels++);
  }
  result.labels.resize(ordering.size());
  for (std::size_t i = 0; i < ordering.size(); ++i) result.labels[static_cast<std::size_t>(ordering[i])] = label[i];
  return result;
}

}  // namespace shoal::density
