// The scan on vector types; see scan.hpp.
#include "neighbors/scan.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

template <class T>
Index scan(const T* values, Index stride, Index rows, Index lanes, const T* shift, const T* bound, const T* row_bound,
           std::uint32_t* hits) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  Index count = 0;
  for (Index r = 0; r < rows; ++r) {
    const T* row = values + r * stride;
    const V least = broadcast<V>(row_bound[r]);
    for (Index at = 0; at < lanes; at += W) {
      const V limit = maximum(load<V>(bound + at), least);
      const V value = load<V>(row + at) + load<V>(shift + at);
      // what is no number, because its terms overflow, is a hit: the caller looks closer
      constexpr std::uint32_t all = W == 32 ? ~0u : (1u << W) - 1;
      if (mask_bits<T>(value > limit) == all) continue;
      const Index end = at + W < lanes ? at + W : lanes;
      for (Index i = at; i < end; ++i)
        if (!(lane<T>(value, static_cast<int>(i - at)) > lane<T>(limit, static_cast<int>(i - at))))
          hits[count++] = static_cast<std::uint32_t>(r << 16 | i);
    }
  }
  return count;
}

template <class T>
inline constexpr neighbors::ScanKernels<T> table = {scan<T>};

}  // namespace

const neighbors::ScanKernels<float>& scan_f32() {
  return table<float>;
}
const neighbors::ScanKernels<double>& scan_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
