#include "neighbors/mst.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

#include "neighbors/tiles.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::neighbors {

using parallel::Blocks;
using parallel::for_blocks;

constexpr double inf = std::numeric_limits<double>::infinity();

double core_distance(const Near<double>* near, Index k, Index i, const Reachability& reach) {
  double within = reach.weight ? reach.weight[i] : 1;
  if (within >= reach.min_samples) return 0;
  for (Index r = 0; r < k; ++r) {
    within += reach.weight ? reach.weight[near[r].row] : 1;
    if (within >= reach.min_samples) return near[r].distance;
  }
  return inf;
}

namespace {

// Ascending; looks for interrupts on the thread of that number.
void sort_edges(std::vector<Edge<double>>& edges, Run& run, int thread = 0) {
  std::uint32_t compared = 0;
  std::sort(edges.begin(), edges.end(), [&](const Edge<double>& a, const Edge<double>& b) {
    if ((++compared & 0xffff) == 0 && run.interrupted(thread)) throw Interrupted{};
    return a < b;
  });
}

// Kruskal's algorithm: keeps of `edges` those of the minimum spanning forest, ascending.
void keep_forest(std::vector<Edge<double>>& edges, Index n, Run& run, int thread = 0) {
  sort_edges(edges, run, thread);
  Components components(n);
  std::size_t kept = 0;
  for (const Edge<double>& edge : edges)
    if (components.join(edge.u, edge.v)) edges[kept++] = edge;
  edges.resize(kept);
}

// --- rows, by tiles ------------------------------------------------------------------------------------------

// 1. The k nearest of every row give the core distances and, as a graph, a spanning forest.
// 2. The trees of the forest are joined by good edges, though not always the best: a spanning tree `first`.
// 3. An edge of the minimum spanning tree that is not in `first` is lighter than the heaviest edge on the path
//    between its ends in `first` (the cycle property). In the order in which single linkage puts the rows, that
//    heaviest edge is the heaviest of the gaps between two positions (joining two lists of rows by an edge puts the
//    edge between them, and it is heavier than all that are within). So for blocks of consecutive rows, the bound of
//    a pair is max(what its row of the one block has to the end of its block, the gaps of the blocks between, what
//    its row of the other has from the start), and one pass over pairs of blocks finds all edges that may be better.
// 4. Kruskal's algorithm on `first` and those.
template <class T>
class TileTree {
 public:
  TileTree(const Space<T>& space, const Reachability& reach, Run& run)
      : space_(space), reach_(reach), run_(run), n_(space.rows().n_samples) {}

  SpanningTree build() {
    {
      const BlockedRows<T> rows(space_, run_);
      origin_ = rows.origin();
      neighbours(rows);
      connect(rows);
    }
    improve();
    return spanning_tree<double>(edges_, std::move(core_));
  }

 private:
  double core(std::int32_t i) const { return core_[static_cast<std::size_t>(i)]; }
  double weight(std::int32_t i, std::int32_t j) const {
    return weight(i, j, space_.distance(space_.rows().row(i), space_.rows().row(j)));
  }
  double weight(std::int32_t i, std::int32_t j, double distance) const {
    return std::max({core(i), core(j), distance / reach_.alpha});
  }

  void neighbours(const BlockedRows<T>& rows) {
    const double wanted = reach_.core ? 1 : reach_.min_samples;
    const Index k = std::min<Index>(n_ - 1, std::max<Index>(static_cast<Index>(std::ceil(wanted)) - 1, 8));
    std::vector<Near<double>> near(static_cast<std::size_t>(n_ * k));
    k_nearest_others(rows, k, near, run_);
    core_.resize(static_cast<std::size_t>(n_));
    std::vector<std::int32_t> open;
    for (Index i = 0; i < n_; ++i) {
      double& own = core_[static_cast<std::size_t>(i)];
      own = reach_.core ? reach_.core[i] : core_distance(near.data() + i * k, k, i, reach_);
      if (!(own < inf) && !reach_.core) open.push_back(static_cast<std::int32_t>(i));
    }
    longer_lists(rows, k, std::move(open));
    edges_.reserve(static_cast<std::size_t>(n_ * k));
    for (Index i = 0; i < n_; ++i)
      for (Index r = 0; r < k; ++r) {
        const Near<double>& other = near[static_cast<std::size_t>(i * k + r)];
        const auto own = static_cast<std::int32_t>(i);
        edges_.push_back(edge_of(weight(own, other.row, other.distance), own, other.row));
      }
    run_.checkpoint();
    keep_forest(edges_, n_, run_);
  }

  // Core distances of the rows whose k nearest others do not weigh enough.
  void longer_lists(const BlockedRows<T>& rows, Index k, std::vector<std::int32_t> open) {
    if (k == n_ - 1) return;
    const auto d = static_cast<std::size_t>(space_.rows().n_features);
    std::vector<T> some;
    std::vector<Near<double>> near;
    lengthen_lists(
        std::move(open), std::min(n_ - 1, 2 * k), n_ - 1,
        [&](std::span<const std::int32_t> here, Index others) {
          some.resize(here.size() * d);
          for (std::size_t i = 0; i < here.size(); ++i) std::copy_n(space_.rows().row(here[i]), d, some.data() + i * d);
          const Space<T> queries(space_, {some.data(), std::ssize(here), space_.rows().n_features});
          const Index listed = others + 1;  // with the row itself
          near.resize(here.size() * static_cast<std::size_t>(listed));
          k_nearest(BlockedRows<T>(queries, run_, rows.origin()), rows, listed, std::span(near), run_);
        },
        [&](std::int32_t own, std::size_t place, Index others) {
          Near<double>* list = near.data() + place * static_cast<std::size_t>(others + 1);
          (void)std::remove_if(list, list + others + 1, [&](const Near<double>& other) { return other.row == own; });
          double& core = core_[static_cast<std::size_t>(own)];
          core = core_distance(list, others, own, reach_);
          return core < inf;
        });
  }

  // The best edge from row i to a row that `wanted` accepts.
  template <class Wanted>
  Edge<double> best_from(const BlockedRows<T>& rows, std::int32_t i, Wanted&& wanted) const {
    const T* x = space_.rows().row(i);
    std::vector<std::pair<double, Index>> visits(static_cast<std::size_t>(rows.count()));
    for (Index b = 0; b < rows.count(); ++b)
      visits[static_cast<std::size_t>(b)] = {space_.length(space_.sum(x, rows.centre(b).data())) - rows.radius(b), b};
    std::sort(visits.begin(), visits.end());
    Edge<double> best{inf, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max()};
    for (const auto& [least, b] : visits) {
      if (best.weight < inf && least > space_.length(space_.to_sum(best.weight * reach_.alpha)) * (1 + 1e-9)) break;
      for (Index at = rows.begin(b); at < rows.end(b); ++at) {
        const std::int32_t j = rows.row(at);
        if (!wanted(j)) continue;
        const Edge<double> edge = edge_of(weight(i, j), i, j);
        if (edge < best) best = edge;
      }
    }
    return best;
  }

  // Joins the trees of the forest: every tree by the best edge from its densest rows.
  void connect(const BlockedRows<T>& rows) {
    for (;;) {
      Components components(n_);
      for (const Edge<double>& edge : edges_) components.join(edge.u, edge.v);
      if (components.count() == 1) return;
      std::vector<std::int32_t> tree(static_cast<std::size_t>(n_));
      for (Index i = 0; i < n_; ++i) tree[static_cast<std::size_t>(i)] = components.find(static_cast<std::int32_t>(i));
      const Index per_tree = components.count() <= 32 ? 4 : 1;
      const bool polish = components.count() <= 64;
      std::vector<std::int32_t> by_density(static_cast<std::size_t>(n_));
      std::iota(by_density.begin(), by_density.end(), 0);
      std::sort(by_density.begin(), by_density.end(), [&](std::int32_t a, std::int32_t b) {
        const auto s = static_cast<std::size_t>(a);
        const auto t = static_cast<std::size_t>(b);
        return std::tie(tree[s], core_[s], a) < std::tie(tree[t], core_[t], b);
      });
      std::vector<std::int32_t> queries;
      for (std::size_t at = 0, taken = 0; at < by_density.size(); ++at) {
        const bool first = at == 0 || tree[static_cast<std::size_t>(by_density[at])] !=
                                          tree[static_cast<std::size_t>(by_density[at - 1])];
        taken = first ? 1 : taken + 1;
        if (taken <= static_cast<std::size_t>(per_tree)) queries.push_back(by_density[at]);
      }
      std::vector<Edge<double>> found(queries.size());
      const double work = static_cast<double>(queries.size()) * static_cast<double>(n_);
      for_blocks(Blocks{static_cast<Index>(queries.size()), 1}, run_, work, [&](Index q, int) {
        const std::int32_t i = queries[static_cast<std::size_t>(q)];
        const auto tree_of = [&](std::int32_t j) { return tree[static_cast<std::size_t>(j)]; };
        const std::int32_t own = tree_of(i);
        Edge<double> best = best_from(rows, i, [&](std::int32_t j) { return tree_of(j) != own; });
        // from the end that was found back to this tree, and so on while it gets better
        std::int32_t from = i;
        for (int step = 0; polish && step < 6; ++step) {
          const std::int32_t back = tree_of(from);
          from = best.u == from ? best.v : best.u;
          const Edge<double> next = best_from(rows, from, [&](std::int32_t j) { return tree_of(j) == back; });
          if (!(next < best)) break;
          best = next;
        }
        found[static_cast<std::size_t>(q)] = best;
      });
      edges_.insert(edges_.end(), found.begin(), found.end());
      keep_forest(edges_, n_, run_);
    }
  }

  void improve() {
    // the order of single linkage: order[p], and gap[p] = the number of the edge between positions p and p + 1
    std::vector<std::int32_t> order, gap;
    {
      Components components(n_);
      const auto n = static_cast<std::size_t>(n_);
      std::vector<std::int32_t> head(n), tail(n), next(n, -1), link(n, -1);
      std::iota(head.begin(), head.end(), 0);
      std::iota(tail.begin(), tail.end(), 0);
      for (std::size_t e = 0; e < edges_.size(); ++e) {
        const auto a = static_cast<std::size_t>(components.find(edges_[e].u));
        const auto b = static_cast<std::size_t>(components.find(edges_[e].v));
        const std::int32_t first = head[a];
        const std::int32_t last = tail[b];
        next[static_cast<std::size_t>(tail[a])] = head[b];
        link[static_cast<std::size_t>(tail[a])] = static_cast<std::int32_t>(e);
        components.join(edges_[e].u, edges_[e].v);
        const auto root = static_cast<std::size_t>(components.find(edges_[e].u));
        head[root] = first;
        tail[root] = last;
      }
      for (std::int32_t at = head[static_cast<std::size_t>(components.find(0))]; at >= 0;
           at = next[static_cast<std::size_t>(at)]) {
        order.push_back(at);
        gap.push_back(link[static_cast<std::size_t>(at)]);
      }
    }
    const BlockedRows<T> rows(space_, std::move(order), origin_, run_);
    const Index count = rows.count();
    // the heaviest gap inside a block, its end included
    std::vector<std::int32_t> heaviest(static_cast<std::size_t>(count), -1);
    for (Index b = 0; b < count; ++b)
      for (Index at = rows.begin(b); at < rows.end(b); ++at)
        heaviest[static_cast<std::size_t>(b)] =
            std::max(heaviest[static_cast<std::size_t>(b)], gap[static_cast<std::size_t>(at)]);
    const auto n_tiles = static_cast<std::size_t>(std::min<Index>(parallel::n_threads(), count));
    std::vector<PairTile<T>> tiles(n_tiles, PairTile<T>(rows, rows));
    std::vector<std::vector<Edge<double>>> better(n_tiles);
    const double work =
        0.03 * static_cast<double>(n_) * static_cast<double>(n_) * static_cast<double>(space_.rows().n_features + 2);
    std::atomic<Index> done{0};
    for_blocks(Blocks{count, 1}, run_, work, [&](Index a, int thread) {
      PairTile<T>& tile = tiles[static_cast<std::size_t>(thread)];
      std::vector<Edge<double>>& mine = better[static_cast<std::size_t>(thread)];
      within_block(rows, gap, a, tile, mine);
      beyond_block(rows, gap, heaviest, a, tile, mine, thread);
      const Index finished = done.fetch_add(1, std::memory_order_relaxed) + 1;
      if (thread == 0) run_.progress("spanning tree", static_cast<double>(finished), static_cast<double>(count));
    });
    for (auto& some : better) {
      edges_.insert(edges_.end(), some.begin(), some.end());
      some = {};
    }
    keep_forest(edges_, n_, run_);
  }

  double reach_of(std::int32_t gap) const { return edges_[static_cast<std::size_t>(gap)].weight * reach_.alpha; }

  void take(const BlockedRows<T>& rows, Index p, Index q, std::int32_t heaviest,
            std::vector<Edge<double>>& better) const {
    const Edge<double> edge = edge_of(weight(rows.row(p), rows.row(q)), rows.row(p), rows.row(q));
    if (edge < edges_[static_cast<std::size_t>(heaviest)]) better.push_back(edge);
  }

  void within_block(const BlockedRows<T>& rows, const std::vector<std::int32_t>& gap, Index a, PairTile<T>& tile,
                    std::vector<Edge<double>>& better) const {
    const Index first = rows.begin(a);
    const Index size = rows.size(a);
    tile.load(a, a);
    std::int32_t bound[block_rows];
    for (Index j = 0; j < size; ++j) tile.want_row(j, -1);
    for (Index i = 0; i < size; ++i) tile.want_lane(i, -1);
    for (Index j = 1; j < size; ++j) {
      const std::int32_t last = gap[static_cast<std::size_t>(first + j - 1)];
      bound[j - 1] = -1;
      for (Index i = 0; i < j; ++i) {
        if (bound[i] >= last) continue;
        bound[i] = last;
        tile.want_lane(i, reach_of(last));
      }
      for (const std::uint32_t hit : tile.scan(j, j + 1)) {
        const Index i = static_cast<Index>(hit & 0xffff);
        take(rows, first + i, first + j, bound[i], better);
      }
    }
  }

  void beyond_block(const BlockedRows<T>& rows, const std::vector<std::int32_t>& gap,
                    const std::vector<std::int32_t>& heaviest, Index a, PairTile<T>& tile,
                    std::vector<Edge<double>>& better, int thread) const {
    const Index first = rows.begin(a);
    const Index size = rows.size(a);
    std::int32_t to_end[block_rows];
    for (Index i = size - 1; i >= 0; --i)
      to_end[i] = std::max(gap[static_cast<std::size_t>(first + i)], i + 1 < size ? to_end[i + 1] : -1);
    std::int32_t between = -1;
    for (Index b = a + 1; b < rows.count(); ++b) {
      const std::int32_t most = std::max({to_end[0], between, heaviest[static_cast<std::size_t>(b)]});
      if (thread == 0) run_.tick();
      if (run_.stopped()) throw Interrupted{};
      if (least_length(rows, a, rows, b) <= space_.length(space_.to_sum(reach_of(most))) * (1 + 1e-12) &&
          !are_apart(rows, a, rows, b, reach_of(most))) {
        tile.load(a, b);
        for (Index i = 0; i < size; ++i) tile.want_lane(i, reach_of(std::max(to_end[i], between)));
        std::int32_t from_start[block_rows];
        std::int32_t so_far = -1;
        for (Index j = 0; j < rows.size(b); ++j) {
          from_start[j] = so_far;
          tile.want_row(j, so_far < 0 ? -1.0 : reach_of(so_far));
          so_far = std::max(so_far, gap[static_cast<std::size_t>(rows.begin(b) + j)]);
        }
        for (const std::uint32_t hit : tile.scan(0, rows.size(b))) {
          const Index i = static_cast<Index>(hit & 0xffff);
          const Index j = static_cast<Index>(hit >> 16);
          take(rows, first + i, rows.begin(b) + j, std::max({to_end[i], between, from_start[j]}), better);
        }
        if (better.size() > static_cast<std::size_t>(8 * n_ + 65536)) compact(better, thread);
      }
      between = std::max(between, heaviest[static_cast<std::size_t>(b)]);
    }
  }

  // Drops what the tree of the first edges and these does not need.
  void compact(std::vector<Edge<double>>& better, int thread) const {
    std::vector<Edge<double>> all = edges_;
    all.insert(all.end(), better.begin(), better.end());
    keep_forest(all, n_, run_, thread);
    better.clear();
    std::set_difference(all.begin(), all.end(), edges_.begin(), edges_.end(), std::back_inserter(better));
  }

  const Space<T>& space_;
  const Reachability& reach_;
  Run& run_;
  Index n_;
  std::vector<T> origin_;
  std::vector<double> core_;
  std::vector<Edge<double>> edges_;
};

}  // namespace

template <class T>
SpanningTree mst_tiles(const Space<T>& space, const Reachability& reach, Run& run) {
  return TileTree<T>(space, reach, run).build();
}
template SpanningTree mst_tiles(const Space<float>&, const Reachability&, Run&);
template SpanningTree mst_tiles(const Space<double>&, const Reachability&, Run&);

// --- a matrix ------------------------------------------------------------------------------------------------

template <class T>
SpanningTree mst_matrix(Points<const T> distances, const Reachability& reach, Run& run) {
  const Index n = distances.n_samples;
  std::vector<double> core_distances(static_cast<std::size_t>(n));
  const Blocks blocks = parallel::blocks_of(n, static_cast<std::size_t>(n) * sizeof(T), std::size_t{1} << 18, 1);
  for_blocks(blocks, run, 2.0 * static_cast<double>(n) * static_cast<double>(n), [&](Index block, int) {
    std::vector<T> row;
    std::vector<std::int32_t> order;
    for (Index i = blocks.begin(block); i < blocks.end(block); ++i) {
      const T* d = distances.row(i);
      double& core = core_distances[static_cast<std::size_t>(i)];
      if (!reach.weight) {
        const auto rank = static_cast<Index>(std::ceil(reach.min_samples)) - 1;
        row.assign(d, d + n);
        std::nth_element(row.begin(), row.begin() + rank, row.end());
        core = static_cast<double>(row[static_cast<std::size_t>(rank)]);
        continue;
      }
      order.resize(static_cast<std::size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return d[a] < d[b]; });
      double within = 0;
      core = inf;
      for (const std::int32_t j : order)
        if ((within += reach.weight[j]) >= reach.min_samples) {
          core = static_cast<double>(d[j]);
          break;
        }
    }
  });
  // Prim: `best` is every row's lightest edge to the tree
  const auto size = static_cast<std::size_t>(n);
  std::vector<Edge<double>> best(size, Edge<double>{inf, std::numeric_limits<std::int32_t>::max(), 0});
  std::vector<Edge<double>> edges;
  edges.reserve(size - 1);
  std::vector<std::int32_t> left(size);
  std::iota(left.begin(), left.end(), 0);
  std::int32_t current = 0;
  left.erase(left.begin());
  while (!left.empty()) {
    run.checkpoint();
    const T* d = distances.row(current);
    const double own = core_distances[static_cast<std::size_t>(current)];
    std::size_t nearest = 0;
    for (std::size_t at = 0; at < left.size(); ++at) {
      const std::int32_t j = left[at];
      const auto s = static_cast<std::size_t>(j);
      const double w = std::max({own, core_distances[s], static_cast<double>(d[j]) / reach.alpha});
      if (w <= best[s].weight) {
        const Edge<double> edge = edge_of(w, current, j);
        if (edge < best[s]) best[s] = edge;
      }
      if (best[s] < best[static_cast<std::size_t>(left[nearest])]) nearest = at;
    }
    current = left[nearest];
    edges.push_back(best[static_cast<std::size_t>(current)]);
    left[nearest] = left.back();
    left.pop_back();
  }
  sort_edges(edges, run);
  return spanning_tree<double>(edges, std::move(core_distances));
}
template SpanningTree mst_matrix(Points<const float>, const Reachability&, Run&);
template SpanningTree mst_matrix(Points<const double>, const Reachability&, Run&);

SpanningTree mst_sparse(Index n, std::span<const double> data, std::span<const std::int32_t> indices,
                        std::span<const std::int32_t> indptr, const Reachability& reach, double max_distance,
                        Run& run) {
  std::vector<double> core(static_cast<std::size_t>(n), inf);
  std::vector<Edge<double>> edges;
  std::vector<std::pair<double, std::int32_t>> row;
  for (Index i = 0; i < n; ++i) {
    run.checkpoint();
    row.clear();
    for (auto at = indptr[static_cast<std::size_t>(i)]; at < indptr[static_cast<std::size_t>(i) + 1]; ++at)
      row.emplace_back(data[static_cast<std::size_t>(at)], indices[static_cast<std::size_t>(at)]);
    std::sort(row.begin(), row.end());
    double within = 0;
    for (const auto& [distance, j] : row)
      if ((within += reach.weight ? reach.weight[j] : 1) >= reach.min_samples) {
        core[static_cast<std::size_t>(i)] = distance;
        break;
      }
  }
  for (Index i = 0; i < n; ++i)
    for (auto at = indptr[static_cast<std::size_t>(i)]; at < indptr[static_cast<std::size_t>(i) + 1]; ++at) {
      const std::int32_t j = indices[static_cast<std::size_t>(at)];
      if (j == i) continue;
      double w = std::max({core[static_cast<std::size_t>(i)], core[static_cast<std::size_t>(j)],
                           data[static_cast<std::size_t>(at)] / reach.alpha});
      if (!(w < inf) && max_distance > 0) w = max_distance;
      edges.push_back(edge_of(w, static_cast<std::int32_t>(i), j));
    }
  run.checkpoint();
  keep_forest(edges, n, run);
  return spanning_tree<double>(edges, std::move(core));
}

}  // namespace shoal::neighbors
