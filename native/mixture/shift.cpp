#include "mixture/shift.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "neighbors/kd_tree.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::mixture {
namespace {

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

// Below this many centroids a tree over them costs more than all distances.
constexpr Index few = 64;

double sq_dist(const double* a, const double* b, Index d) {
  double sum = 0;
  for (Index f = 0; f < d; ++f) sum += (a[f] - b[f]) * (a[f] - b[f]);
  return sum;
}

}  // namespace

std::vector<std::int64_t> survivors(Points<const double> centers, std::span<const double> weight, double collision,
                                    Run& run) {
  const Index n = centers.n_samples;
  const Index d = centers.n_features;
  std::vector<std::int64_t> order(size_of(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return weight[size_of(a)] > weight[size_of(b)]; });
  std::vector<std::int64_t> stay;
  const double sq_collision = collision * collision;
  if (n <= few) {
    for (const std::int64_t i : order)
      if (std::none_of(stay.begin(), stay.end(),
                       [&](std::int64_t j) { return sq_dist(centers.row(i), centers.row(j), d) < sq_collision; }))
        stay.push_back(i);
  } else {
    const neighbors::KDTree<double> tree(centers, {}, neighbors::default_leaf_size(d),
                                         {neighbors::Metric::euclidean, 2}, run);
    const double radius = std::nextafter(sq_collision, -1.0);  // closer, not as close
    std::vector<char> gone(size_of(n), 0);
    std::vector<double> from(size_of(d));
    for (const std::int64_t i : order) {
      if (gone[size_of(i)]) continue;
      stay.push_back(i);
      if (radius < 0) continue;
      neighbors::visit_within(
          tree, centers.row(i), radius,
          [&](neighbors::Node node) {
            for (Index at = tree.begin(node); at < tree.end(node); ++at) gone[size_of(tree.row(at))] = 1;
            return true;
          },
          [&](Index leaf, std::uint64_t mask, const double*) {
            for (; mask; mask &= mask - 1)
              gone[size_of(tree.row(leaf * tree.leaf_size() + std::countr_zero(mask)))] = 1;
            return true;
          });
    }
    run.checkpoint();
  }
  std::sort(stay.begin(), stay.end());
  return stay;
}

template <class T>
Shifted shift(const neighbors::RTree<T>& tree, Points<const double> centers, const ShiftOptions& options, Run& run) {
  const Index n = centers.n_samples;
  const Index d = centers.n_features;
  Shifted out;
  out.centers.assign(centers.data, centers.data + n * d);
  out.weight.assign(size_of(n), 0);
  out.seeds.resize(size_of(n));
  std::iota(out.seeds.begin(), out.seeds.end(), std::int64_t{0});
  std::vector<char> rests(size_of(n), 0);
  std::vector<double> earlier = out.centers;  // where they were after the last sweep whose number is a power of two
  const auto keep_paths = [&] {
    if (!options.keep_paths) return;
    const std::size_t first = out.paths.size();
    out.paths.resize(first + size_of(n * d), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < out.seeds.size(); ++i)
      std::copy_n(out.centers.data() + i * size_of(d), d,
                  out.paths.data() + first + size_of(out.seeds[i]) * size_of(d));
  };
  const auto keep = [&](auto&& stays) {
    std::size_t to = 0;
    for (std::size_t i = 0; i < out.seeds.size(); ++i) {
      if (!stays(i)) continue;
      out.seeds[to] = out.seeds[i];
      out.weight[to] = out.weight[i];
      rests[to] = rests[i];
      std::copy_n(out.centers.data() + i * size_of(d), d, out.centers.data() + to * size_of(d));
      std::copy_n(earlier.data() + i * size_of(d), d, earlier.data() + to * size_of(d));
      ++to;
    }
    out.seeds.resize(to);
    out.weight.resize(to);
    out.centers.resize(to * size_of(d));
  };
  keep_paths();
  const double half = options.side / 2;
  std::vector<Index> moving;
  while (out.n_iter < options.max_iter) {
    moving.clear();
    for (std::size_t i = 0; i < out.seeds.size(); ++i)
      if (!rests[i]) moving.push_back(static_cast<Index>(i));
    if (moving.empty()) break;
    const Index forced = parallel::forced_block_length();
    const parallel::Blocks blocks{static_cast<Index>(moving.size()), forced > 0 ? forced : 16};
    parallel::for_blocks(blocks, run, 3000.0 * static_cast<double>(moving.size()), [&](Index b, int) {
      std::vector<T> low(size_of(d)), high(size_of(d));
      std::vector<double> sums(size_of(d));
      for (Index m = blocks.begin(b); m < blocks.end(b); ++m) {
        const std::size_t i = size_of(moving[size_of(m)]);
        double* center = out.centers.data() + i * size_of(d);
        for (Index f = 0; f < d; ++f) {
          low[size_of(f)] = static_cast<T>(center[f] - half);
          high[size_of(f)] = static_cast<T>(center[f] + half);
        }
        const double weight = neighbors::box_weight(tree, low.data(), high.data(), sums.data());
        out.weight[i] = weight;
        rests[i] = 1;
        if (!(weight > 0)) continue;  // nothing to go by: it stays, the lightest of all
        double sq_step = 0;
        for (Index f = 0; f < d; ++f) {
          const double mean = sums[size_of(f)] / weight;
          sq_step += (mean - center[f]) * (mean - center[f]);
          center[f] = mean;
        }
        rests[i] = std::sqrt(sq_step) < options.tol || sq_step == 0 ||
                   std::equal(center, center + d, earlier.data() + i * size_of(d));
      }
    });
    ++out.n_iter;
    if (std::has_single_bit(static_cast<std::size_t>(out.n_iter))) earlier = out.centers;
    const auto stay =
        survivors({out.centers.data(), static_cast<Index>(out.seeds.size()), d}, out.weight, options.collision, run);
    std::size_t next = 0;
    keep([&](std::size_t i) {
      const bool stays = next < stay.size() && size_of(stay[next]) == i;
      next += stays;
      return stays;
    });
    keep_paths();
    run.progress("centroids", static_cast<double>(out.n_iter), static_cast<double>(options.max_iter));
  }
  out.converged = std::all_of(rests.begin(), rests.begin() + static_cast<std::ptrdiff_t>(out.seeds.size()),
                              [](char r) { return r != 0; });
  return out;
}

template Shifted shift(const neighbors::RTree<float>&, Points<const double>, const ShiftOptions&, Run&);
template Shifted shift(const neighbors::RTree<double>&, Points<const double>, const ShiftOptions&, Run&);

}  // namespace shoal::mixture
