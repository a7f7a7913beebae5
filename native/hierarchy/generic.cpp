#include "hierarchy/generic.hpp"

#include <cmath>

#include "hierarchy/heap.hpp"
#include "hierarchy/living.hpp"

namespace shoal::hierarchy {
namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

// Distances kept in a triangle.
template <class T>
class Kept {
 public:
  using Value = T;
  Kept(Update update, Triangle<T>& triangle, Weights<double> weight) : update_(update), living_(triangle, weight) {}

  Index n() const { return living_.n(); }
  const std::vector<std::int32_t>& alive() const { return living_.alive(); }
  std::int32_t name(Index i) const { return living_.name(i); }
  T value(std::int32_t i, std::int32_t j) { return living_.distance(i, j); }
  double height(T value) const { return static_cast<double>(value); }
  std::int32_t nearest_beyond(std::int32_t x, T* least) {
    T second;
    return living_.nearest_beyond(x, least, &second);
  }
  const T* unite(std::int32_t x, std::int32_t y, T value) { return living_.unite(update_, x, y, value); }
  bool sparse() const { return living_.sparse(); }
  template <class Moved>
  void cut_down(Moved&& moved, Run& run) {
    living_.cut_down(std::forward<Moved>(moved), run);
  }

 private:
  Update update_;
  Living<T> living_;
};

// Centroids, their squared distances computed when they are asked for.
class Computed {
 public:
  using Value = double;
  Computed(Update update, Points<const double> x, Weights<double> weight)
      : update_(update),
        kernels_(point_kernels()),
        n_(x.n_samples),
        d_(x.n_features),
        columns_(x),
        center_(x.data, x.data + x.n_samples * x.n_features) {
    size_.resize(at(n_));
    for (Index i = 0; i < n_; ++i) size_[at(i)] = weight[i];
    name_.resize(at(n_));
    std::iota(name_.begin(), name_.end(), 0);
    alive_ = name_;
    penalty_.assign(at(n_) + 8, std::numeric_limits<double>::infinity());
    std::fill_n(penalty_.begin(), n_, 0.0);
    row_.assign(at(n_) + 8, 0.0);
  }

  Index n() const { return n_; }
  const std::vector<std::int32_t>& alive() const { return alive_; }
  std::int32_t name(Index i) const { return name_[at(i)]; }
  double value(std::int32_t i, std::int32_t j) const {
    double sum = 0;
    for (Index f = 0; f < d_; ++f) {
      const double difference = center(i)[f] - center(j)[f];
      sum += difference * difference;
    }
    return sum;
  }
  double height(double value) const { return std::sqrt(value); }
  std::int32_t nearest_beyond(std::int32_t x, double* least) {
    compute(x, x + 1);
    return nearest_in_row(x, least);
  }
  const double* unite(std::int32_t x, std::int32_t y, double) {
    double& size_y = size_[at(y)];
    const double size_x = size_[at(x)];
    const double share = update_ == Update::median ? 0.5 : size_y / (size_x + size_y);
    for (Index f = 0; f < d_; ++f) {
      // without products of sizes and coordinates, which a common offset would make inexact
      center(y)[f] = center(x)[f] + (center(y)[f] - center(x)[f]) * share;
      columns_.feature(f)[y] = center(y)[f];
    }
    size_y += size_x;
    alive_.erase(std::lower_bound(alive_.begin(), alive_.end(), x));
    penalty_[at(x)] = std::numeric_limits<double>::infinity();
    compute(y, 0);
    return row_.data();
  }
  bool sparse() const { return 2 * static_cast<Index>(alive_.size()) <= n_ && n_ > 64; }
  template <class Moved>
  void cut_down(Moved&& moved, Run&) {
    const auto m = static_cast<Index>(alive_.size());
    for (Index i = 0; i < m; ++i) {
      const std::int32_t old = alive_[at(i)];
      std::copy_n(center(old), d_, center(i));
      for (Index f = 0; f < d_; ++f) columns_.feature(f)[i] = columns_.feature(f)[old];
      size_[at(i)] = size_[at(old)];
      name_[at(i)] = name_[at(old)];
      penalty_[at(i)] = 0;
      moved(old, static_cast<std::int32_t>(i));
    }
    std::fill(penalty_.begin() + m, penalty_.end(), std::numeric_limits<double>::infinity());
    n_ = m;
    alive_.resize(at(m));
    std::iota(alive_.begin(), alive_.end(), 0);
  }

 private:
  double* center(Index i) { return center_.data() + i * d_; }
  const double* center(Index i) const { return center_.data() + i * d_; }
  void compute(std::int32_t x, Index begin) {
    kernels_.sums(Norm::sq_euclidean, 2, columns_.columns(), center(x), 1, begin, n_, row_.data() + begin, 0);
  }
  std::int32_t nearest_in_row(std::int32_t x, double* least) const {
    double second;
    const Index first =
        triangle_kernels<double>().first_min(row_.data() + x + 1, penalty_.data() + x + 1, n_ - x - 1, least, &second);
    return static_cast<std::int32_t>(first < 0 ? n_ - 1 : x + 1 + first);
  }

  Update update_;
  const PointKernels& kernels_;
  Index n_, d_;
  FeatureMajor columns_;
  std::vector<double> center_, size_;
  AlignedVector<double> row_, penalty_;
  std::vector<std::int32_t> name_, alive_;
};

template <class Clusters>
std::vector<Merge> merges_of(Clusters& clusters, Run& run) {
  using T = typename Clusters::Value;
  const Index total = clusters.n() - 1;
  std::vector<T> least(at(total));
  std::vector<std::int32_t> nearest(at(total));
  for (Index i = 0; i < total; ++i) {
    if (i % 16 == 0) run.checkpoint();
    nearest[at(i)] = clusters.nearest_beyond(static_cast<std::int32_t>(i), &least[at(i)]);
  }
  Heap<T> heap(least);
  std::vector<Merge> found;
  found.reserve(at(total));
  for (Index k = 0; k < total; ++k) {
    run.checkpoint();
    run.progress("merges", static_cast<double>(k), static_cast<double>(total));
    if (clusters.sparse()) {
      std::vector<std::int32_t> place(nearest.size() + 1);
      clusters.cut_down(
          [&](std::int32_t old, std::int32_t now) {
            place[at(old)] = now;
            if (at(old) == least.size()) return;  // the last has none behind it
            least[at(now)] = least[at(old)];
            nearest[at(now)] = nearest[at(old)];
          },
          run);
      for (Index i = 0; i + 1 < clusters.n(); ++i) nearest[at(i)] = place[at(nearest[at(i)])];
      heap.rename(place);
    }
    std::int32_t x = heap.key();
    while (heap.value() != clusters.value(x, nearest[at(x)])) {
      run.checkpoint();
      nearest[at(x)] = clusters.nearest_beyond(x, &least[at(x)]);
      heap.change(x, least[at(x)]);
      x = heap.key();
    }
    const T value = heap.value();
    heap.pop();
    const std::int32_t y = nearest[at(x)];
    found.push_back({clusters.height(value), clusters.name(x), clusters.name(y)});
    const T* row = clusters.unite(x, y, value);
    for (const std::int32_t z : clusters.alive()) {
      if (z >= y) break;
      if (z < x && nearest[at(z)] == x) nearest[at(z)] = y;
      if (row[z] < least[at(z)]) {
        nearest[at(z)] = y;
        least[at(z)] = row[z];
        heap.change(z, row[z]);
      }
    }
    if (y + 1 < clusters.n()) {
      nearest[at(y)] = clusters.nearest_beyond(y, &least[at(y)]);
      heap.change(y, least[at(y)]);
    }
  }
  run.progress("merges", static_cast<double>(total), static_cast<double>(total));
  return found;
}

}  // namespace

template <class T>
std::vector<Merge> merge_by_heap(Update update, Triangle<T>& triangle, Weights<double> weight, Run& run) {
  if (triangle.n() < 2) return {};
  Kept<T> clusters(update, triangle, weight);
  return merges_of(clusters, run);
}
template std::vector<Merge> merge_by_heap(Update, Triangle<float>&, Weights<double>, Run&);
template std::vector<Merge> merge_by_heap(Update, Triangle<double>&, Weights<double>, Run&);

std::vector<Merge> merge_by_heap(Update update, Points<const double> x, Weights<double> weight, Run& run) {
  if (x.n_samples < 2) return {};
  Computed clusters(update, x, weight);
  return merges_of(clusters, run);
}

}  // namespace shoal::hierarchy
