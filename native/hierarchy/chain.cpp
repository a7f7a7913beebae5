#include "hierarchy/chain.hpp"

#include <cmath>

#include "hierarchy/living.hpp"
#include "hierarchy/neighbours.hpp"

namespace shoal::hierarchy {
namespace {

constexpr std::int32_t unknown = unknown_cluster;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

template <class T>
class Chain {
 public:
  Chain(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run, Index done)
      : update_(update), triangle_(triangle), run_(run), done_(done), living_(triangle, weight) {}

  std::vector<Merge> merges() {
    const Index total = living_.n() - 1;
    std::vector<Merge> found;
    found.reserve(at(total));
    near_.start(living_.n(), true);
    for (Index i = 0; i < living_.n(); ++i) {
      if (i % 64 == 0) run_.checkpoint();
      near_.see(triangle_, i);
    }
    std::vector<std::int32_t> chain;
    std::vector<T> link;  // distance from chain[i] to chain[i + 1]
    while (static_cast<Index>(found.size()) < total) {
      run_.checkpoint();
      progress(std::ssize(found), total);
      if (living_.sparse()) cut_down(chain);
      if (chain.empty()) chain.push_back(living_.alive().front());
      std::int32_t x, y;
      for (;;) {
        x = chain.back();
        if (near_.nearest[at(x)] == unknown)
          near_.nearest[at(x)] = living_.nearest(x, &near_.least[at(x)], &near_.second[at(x)]);
        const T least = near_.least[at(x)];
        // the one before wins a tie
        if (chain.size() > 1 && !(least < link.back())) {
          y = chain[chain.size() - 2];
          break;
        }
        y = near_.nearest[at(x)];
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
    progress(total, total);
    return found;
  }

 private:
  void progress(Index made, Index total) {
    run_.progress("merges", static_cast<double>(done_ + made), static_cast<double>(done_ + total));
  }

  void join(std::int32_t x, std::int32_t y, T distance) {
    const T* row = living_.unite(update_, x, y, distance);
    near_.nearest[at(x)] = near_.nearest[at(y)] = unknown;
    triangle_kernels<T>().follow(row, living_.n(), x, y, near_.least.data(), near_.second.data(), near_.nearest.data());
    near_.nearest[at(y)] = living_.nearest_in_row(y, &near_.least[at(y)], &near_.second[at(y)]);
  }

  void cut_down(std::vector<std::int32_t>& chain) {
    std::vector<std::int32_t> place(near_.nearest.size(), unknown);
    living_.cut_down(
        [&](std::int32_t old, std::int32_t now) {
          place[at(old)] = now;
          near_.least[at(now)] = near_.least[at(old)];
          near_.second[at(now)] = near_.second[at(old)];
          near_.nearest[at(now)] = near_.nearest[at(old)];
        },
        run_);
    for (Index i = 0; i < living_.n(); ++i)
      if (near_.nearest[at(i)] != unknown) near_.nearest[at(i)] = place[at(near_.nearest[at(i)])];
    for (std::int32_t& x : chain) x = place[at(x)];
  }

  Update update_;
  Triangle<T>& triangle_;
  Run& run_;
  Index done_;
  Living<T> living_;
  Neighbours<T> near_;  // nearest may be unknown; all others are at second or beyond
};

}  // namespace

template <class T>
std::vector<Merge> merge_by_chain(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run, Index done) {
  if (triangle.n() < 2) return {};
  return Chain<T>(update, triangle, weight, run, done).merges();
}
template std::vector<Merge> merge_by_chain(Update, Triangle<float>&, Weights<double>, Run&, Index);
template std::vector<Merge> merge_by_chain(Update, Triangle<double>&, Weights<double>, Run&, Index);

}  // namespace shoal::hierarchy
