// The inner loop of extremes.hpp.
#include <limits>

#include "base/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using base::Extremes;

template <class T>
Extremes<T> extremes(const T* values, Index n) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  constexpr int chains = 4;                                      // comparisons in flight
  constexpr Index ahead = 4096 / static_cast<Index>(sizeof(T));  // further than processors fetch by themselves
  constexpr T inf = std::numeric_limits<T>::infinity();
  V low[chains], high[chains], odd[chains];
  for (int c = 0; c < chains; ++c) {
    low[c] = broadcast<V>(inf);
    high[c] = broadcast<V>(-inf);
    odd[c] = V{};
  }
  Index i = 0;
  for (; i + chains * W <= n; i += chains * W)
    for (int c = 0; c < chains; ++c) {
      const V value = load<V>(values + i + c * W);
      __builtin_prefetch(values + i + c * W + ahead);
      low[c] = minimum(value, low[c]);
      high[c] = maximum(value, high[c]);
      odd[c] = select(value == value, odd[c], value);
    }
  Extremes<T> all{inf, -inf};
  bool nan = false;
  const auto take = [&](T value, T least, T largest) {
    nan = nan || value != value;
    if (least < all.low) all.low = least;
    if (largest > all.high) all.high = largest;
  };
  for (int c = 0; c < chains; ++c)
    for (int l = 0; l < W; ++l) take(lane<T>(odd[c], l), lane<T>(low[c], l), lane<T>(high[c], l));
  for (; i < n; ++i) take(values[i], values[i], values[i]);
  constexpr T none = std::numeric_limits<T>::quiet_NaN();
  return nan ? Extremes<T>{none, none} : all;
}

}  // namespace

const base::ExtremesKernel<float>& extremes_f32() {
  static const base::ExtremesKernel<float> table{extremes<float>};
  return table;
}
const base::ExtremesKernel<double>& extremes_f64() {
  static const base::ExtremesKernel<double> table{extremes<double>};
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
