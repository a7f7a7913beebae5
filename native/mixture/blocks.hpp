// Blocks of panels and each thread's memory for them, shared by densities and moments.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "mixture/density.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::mixture {

/// Panels in a block: samples and densities within `target` bytes, but between 8 panels and `reach`.
template <class T>
Index panels_of(Index lanes, Index n_features, Index n_components, Index reach) {
  constexpr Index target = Index{1} << 17;
  const Index bytes = lanes * (n_features + n_components) * static_cast<Index>(sizeof(T));
  return std::clamp<Index>(target / std::max<Index>(bytes, 1), 8, reach);
}

/// Blocks of up to `length` samples; tests may force shorter ones.
inline parallel::Blocks blocks_of_panels(Index n_samples, Index length) {
  const Index forced = parallel::forced_block_length();
  return {n_samples, forced > 0 ? std::min(forced, length) : length};
}

/// Rough nanoseconds per sample, to decide whether threads pay.
template <class T>
double work_per_sample(const Components<T>& k) {
  const double d = static_cast<double>(k.n_features);
  return static_cast<double>(k.n_components) * (2 + (k.type == Covariance::full ? d * d / 10 : d / 4));
}

template <class T>
struct Buffer {
  AlignedVector<T> x, density, scratch, weight, log_sum, entropy, best, second;
  std::vector<std::int32_t> label;
};

/// One Buffer per thread, made when the thread first asks for it.
template <class T>
class Buffers {
 public:
  Buffers(int n_threads, const Components<T>& components, Index n_panels)
      : components_(components), n_panels_(n_panels), buffer_(static_cast<std::size_t>(n_threads)) {}

  Buffer<T>& operator[](int thread) {
    Buffer<T>& own = buffer_[static_cast<std::size_t>(thread)];
    if (own.x.empty()) {
      const auto length = static_cast<std::size_t>(n_panels_ * kernels<T>().lanes);
      own.x.resize(length * static_cast<std::size_t>(components_.n_features));
      own.density.resize(length * static_cast<std::size_t>(components_.n_components));
      own.scratch.resize(static_cast<std::size_t>(kernels<T>().scratch_size(components_, n_panels_)));
      for (auto* values : {&own.weight, &own.log_sum, &own.entropy, &own.best, &own.second}) values->resize(length);
      own.label.resize(length);
    }
    return own;
  }

 private:
  const Components<T>& components_;
  Index n_panels_;
  std::vector<Buffer<T>> buffer_;
};

}  // namespace shoal::mixture
