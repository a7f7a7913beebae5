#include "hierarchy/chain.hpp"

#include <cmath>

#include "hierarchy/living.hpp"

namespace shoal::hierarchy {
namespace {

constexpr std::int32_t unknown = -1;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
class Chain {
 public:
  Chain(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run)
      : update_(update), triangle_(triangle), run_(run), living_(triangle, weight) {}

  std::vector<Merge> merges() {
    const Index total = living_.n() - 1;
    std::vector<Merge> found;
    found.reserve(at(total));
    first_neighbours();
    std::vector<std::int32_t> chain;
    std::vector<T> link;  // distance from chain[i] to chain[i + 1]
    while (static_cast<Index>(found.size()) < total) {
      run_.checkpoint();
      run_.progress("merges", static_cast<double>(found.size()), static_cast<double>(total));
      if (living_.sparse()) cut_down(chain);
      if (chain.empty()) chain.push_back(living_.alive().front());
      std::int32_t x, y;
      for (;;) {
        x = chain.back();
        if (nearest_[at(x)] == unknown) nearest_[at(x)] = living_.nearest(x, &least_[at(x)], &second_[at(x)]);
        const T least = least_[at(x)];
        // the one before wins a tie
        if (chain.size() > 1 && !(least < link.back())) {
          y = chain[chain.size() - 2];
          break;
        }
        y = nearest_[at(x)];
        chain.push_back(y);
        link.push_back(least);
      }
      const T distance = link.back();
      chain.resize(chain.size() - 2);
      link.resize(chain.empty() ? 0 : chain.size() - 1);
      if (x > y) std::swap(x, y);
      found.push_back({static_cast<double>(distance), living_.name(x), living_.name(y)});
      join(x, y, distance);
    }
    run_.progress("merges", static_cast<double>(total), static_cast<double>(total));
    return found;
  }

 private:
  // Every cluster's nearest neighbour, the first of several.
  void first_neighbours() {
    const Index n = living_.n();
    const TriangleKernels<T>& kernels = triangle_kernels<T>();
    least_.assign(at(n), Living<T>::inf);
    second_.assign(at(n), Living<T>::inf);
    nearest_.assign(at(n), unknown);
    for (Index i = 0; i < n; ++i) {
      if (i % 64 == 0) run_.checkpoint();
      if (i + 1 < n) {
        T value, next;
        const std::int32_t behind = living_.nearest_beyond(static_cast<std::int32_t>(i), &value, &next);
        if (value < least_[at(i)]) {
          second_[at(i)] = std::min(least_[at(i)], next);
          least_[at(i)] = value;
          nearest_[at(i)] = behind;
        } else {
          second_[at(i)] = std::min(second_[at(i)], value);
        }
        kernels.offer(triangle_.row(i) + i + 1, n - i - 1, static_cast<std::int32_t>(i), least_.data() + i + 1,
                      second_.data() + i + 1, nearest_.data() + i + 1);
      }
      if (nearest_[at(i)] == unknown) nearest_[at(i)] = i == 0 ? 1 : 0;  // all infinitely far
    }
  }

  void join(std::int32_t x, std::int32_t y, T distance) {
    const T* row = living_.unite(update_, x, y, distance);
    nearest_[at(y)] = living_.nearest_in_row(y, &least_[at(y)], &second_[at(y)]);
    for (const std::int32_t i : living_.alive()) {
      std::int32_t& near = nearest_[at(i)];
      if (i == y || near == unknown) continue;
      const T value = row[i];
      if (near == x || near == y) {
        // no other is nearer than second_
        near = value < second_[at(i)] ? y : unknown;
        least_[at(i)] = value;
      } else if (value < least_[at(i)] || (value == least_[at(i)] && y < near)) {
        // equally near, or nearer by rounding: what a new look would find
        near = y;
        second_[at(i)] = least_[at(i)];
        least_[at(i)] = value;
      } else if (value < second_[at(i)]) {
        second_[at(i)] = value;
      }
    }
  }

  void cut_down(std::vector<std::int32_t>& chain) {
    std::vector<std::int32_t> place(nearest_.size(), unknown);
    living_.cut_down([&](std::int32_t old, std::int32_t now) {
      place[at(old)] = now;
      least_[at(now)] = least_[at(old)];
      second_[at(now)] = second_[at(old)];
      nearest_[at(now)] = nearest_[at(old)];
    });
    for (Index i = 0; i < living_.n(); ++i)
      if (nearest_[at(i)] != unknown) nearest_[at(i)] = place[at(nearest_[at(i)])];
    for (std::int32_t& x : chain) x = place[at(x)];
  }

  Update update_;
  Triangle<T>& triangle_;
  Run& run_;
  Living<T> living_;
  std::vector<T> least_, second_;
  std::vector<std::int32_t> nearest_;  // at distance least_, all others at second_ or beyond; or unknown
};

// What two samples add to the sum of squares grows with their weights.
template <class T>
void weigh_for_ward(Triangle<T>& triangle, Weights<double> weight, Run& run) {
  for (Index i = 0; i < triangle.n(); ++i) {
    run.checkpoint();
    T* row = triangle.row(i);
    for (Index j = i + 1; j < triangle.n(); ++j)
      row[j] =
          static_cast<T>(static_cast<double>(row[j]) * std::sqrt(2 * weight[i] * weight[j] / (weight[i] + weight[j])));
  }
}

}  // namespace

template <class T>
std::vector<Merge> merge_by_chain(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run) {
  if (triangle.n() < 2) return {};
  if (update == Update::ward && weight) weigh_for_ward(triangle, weight, run);
  return Chain<T>(update, triangle, weight, run).merges();
}
template std::vector<Merge> merge_by_chain(Update, Triangle<float>&, Weights<double>, Run&);
template std::vector<Merge> merge_by_chain(Update, Triangle<double>&, Weights<double>, Run&);

}  // namespace shoal::hierarchy
