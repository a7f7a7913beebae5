#include "mixture/seeds.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace shoal::mixture {
namespace {

using neighbors::Node;

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

// Boxes by their place in the grid: open addressing, boxes numbered in the order in which they were met.
class Boxes {
 public:
  explicit Boxes(Index n_features) : d_(n_features), slots_(1024, empty) {}

  Index find(const std::int64_t* place) {
    if (last_ >= 0 && std::equal(place, place + d_, places_.data() + last_ * d_)) return last_;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash(place) & mask;; slot = (slot + 1) & mask) {
      if (slots_[slot] == empty) {
        slots_[slot] = static_cast<std::int32_t>(n_);
        places_.insert(places_.end(), place, place + d_);
        weight.push_back(0);
        sums.insert(sums.end(), size_of(d_), 0.0);
        last_ = n_++;
        if (2 * size_of(n_) > slots_.size()) grow();
        return last_;
      }
      const Index box = slots_[slot];
      if (std::equal(place, place + d_, places_.data() + box * d_)) return last_ = box;
    }
  }
  Index size() const { return n_; }
  const std::int64_t* place(Index box) const { return places_.data() + box * d_; }

  std::vector<double> weight;
  std::vector<double> sums;

 private:
  static constexpr std::int32_t empty = -1;

  std::size_t hash(const std::int64_t* place) const {
    std::uint64_t h = 0x9e3779b97f4a7c15u;
    for (Index f = 0; f < d_; ++f) {
      h = (h ^ static_cast<std::uint64_t>(place[f])) * 0xff51afd7ed558ccdu;
      h ^= h >> 32;
    }
    return h;
  }
  void grow() {
    slots_.assign(4 * slots_.size(), empty);
    const std::size_t mask = slots_.size() - 1;
    for (Index box = 0; box < n_; ++box) {
      std::size_t slot = hash(place(box)) & mask;
      while (slots_[slot] != empty) slot = (slot + 1) & mask;
      slots_[slot] = static_cast<std::int32_t>(box);
    }
  }

  Index d_;
  Index n_ = 0;
  Index last_ = -1;
  std::vector<std::int32_t> slots_;
  std::vector<std::int64_t> places_;
};

}  // namespace

template <class T>
Seeds grid_seeds(const neighbors::RTree<T>& tree, double side, Run& run) {
  const neighbors::KDTree<T>& nodes = tree.nodes();
  const Index d = nodes.n_features();
  const int top = nodes.n_levels() - 1;
  std::vector<double> low(size_of(d), std::numeric_limits<double>::infinity());
  std::vector<Node> waiting;
  for (Index i = nodes.n_nodes(top); i-- > 0;) {
    waiting.push_back({top, static_cast<std::int32_t>(i)});
    for (Index f = 0; f < d; ++f)
      low[size_of(f)] = std::min(low[size_of(f)], static_cast<double>(nodes.lower(waiting.back(), f)));
  }
  const double per_side = 1 / side;
  // monotone in the value: what lies between two values of one box is in that box
  const auto place_of = [&](T value, Index f) {
    return static_cast<std::int64_t>((static_cast<double>(value) - low[size_of(f)]) * per_side);
  };
  Boxes boxes(d);
  std::vector<std::int64_t> place(size_of(d));
  while (!waiting.empty()) {
    const Node node = waiting.back();
    waiting.pop_back();
    bool whole = true;
    for (Index f = 0; f < d && whole; ++f) {
      place[size_of(f)] = place_of(nodes.lower(node, f), f);
      whole = place[size_of(f)] == place_of(nodes.upper(node, f), f);
    }
    if (whole) {
      const Index box = boxes.find(place.data());
      boxes.weight[size_of(box)] += nodes.total_weight(node);
      const double* own = tree.sums(node);
      for (Index f = 0; f < d; ++f) boxes.sums[size_of(box * d + f)] += own[f];
    } else if (node.level > 0) {
      const Index first = Index{node.number} * neighbors::fanout;
      for (Index child = std::min(first + neighbors::fanout, nodes.n_nodes(node.level - 1)); child-- > first;)
        waiting.push_back({node.level - 1, static_cast<std::int32_t>(child)});
    } else {
      const Index begin = nodes.begin(node);
      const Index n = nodes.end(node) - begin;
      const T* points = nodes.leaf(node.number);
      for (Index i = 0; i < n; ++i) {
        for (Index f = 0; f < d; ++f) place[size_of(f)] = place_of(points[f * nodes.leaf_size() + i], f);
        const Index box = boxes.find(place.data());
        const auto weight = static_cast<double>(nodes.weight(begin + i));
        boxes.weight[size_of(box)] += weight;
        double* sums = boxes.sums.data() + box * d;
        for (Index f = 0; f < d; ++f) sums[f] += weight * static_cast<double>(points[f * nodes.leaf_size() + i]);
      }
      if (node.number % 256 == 0) run.checkpoint();
    }
  }
  std::vector<Index> order(size_of(boxes.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::erase_if(order, [&](Index box) { return !(boxes.weight[size_of(box)] > 0); });
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    const double x = boxes.weight[size_of(a)];
    const double y = boxes.weight[size_of(b)];
    if (x != y) return x > y;
    return std::lexicographical_compare(boxes.place(a), boxes.place(a) + d, boxes.place(b), boxes.place(b) + d);
  });
  Seeds out;
  out.centers.reserve(order.size() * size_of(d));
  out.weight.reserve(order.size());
  for (const Index box : order) {
    const double weight = boxes.weight[size_of(box)];
    out.weight.push_back(weight);
    for (Index f = 0; f < d; ++f) out.centers.push_back(boxes.sums[size_of(box * d + f)] / weight);
  }
  return out;
}

template <class T>
double count_distinct(const neighbors::RTree<T>& tree, Run& run) {
  constexpr std::size_t n_kept = 4096;
  const neighbors::KDTree<T>& nodes = tree.nodes();
  std::vector<std::uint64_t> kept;  // hashes up to the bound
  std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();
  const auto tidy = [&] {
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    if (kept.size() < n_kept) return;
    kept.resize(n_kept);
    bound = kept.back();
  };
  for (Index i = 0; i < nodes.n_samples(); ++i) {
    if (i % 65536 == 0) run.checkpoint();
    std::uint64_t h = 0;
    for (Index f = 0; f < nodes.n_features(); ++f) {
      const double value = static_cast<double>(nodes.value(i, f)) + 0.0;  // one zero
      h = (h ^ std::bit_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15u;
      h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
      h ^= h >> 29;
    }
    if (h > bound) continue;
    kept.push_back(h);
    if (kept.size() == 4 * n_kept) tidy();
  }
  tidy();
  if (kept.size() < n_kept) return static_cast<double>(kept.size());
  return static_cast<double>(n_kept - 1) / (static_cast<double>(bound) * 0x1p-64);
}

template double count_distinct(const neighbors::RTree<float>&, Run&);
template double count_distinct(const neighbors::RTree<double>&, Run&);
template Seeds grid_seeds(const neighbors::RTree<float>&, double, Run&);
template Seeds grid_seeds(const neighbors::RTree<double>&, double, Run&);

}  // namespace shoal::mixture
