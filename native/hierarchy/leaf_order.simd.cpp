// The (min, +) product on vector types; see leaf_order.hpp.
#include <algorithm>

#include "hierarchy/leaf_order.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using hierarchy::Range;

// A tile of the product in registers: `height` rows of two vectors.
constexpr int height = vector_registers == 32 ? 8 : 4;
template <class T>
inline constexpr int width = 2 * lanes_of<T>;

// a: n steps of `height` values, b: n steps of two vectors. out: the least sums, `height` rows of `width`.
template <class T, int Rows>
void tile(const T* a, const T* b, Index n, T* out) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  V least[Rows][2];
  for (int r = 0; r < Rows; ++r) least[r][0] = least[r][1] = broadcast<V>(std::numeric_limits<T>::infinity());
  for (Index k = 0; k < n; ++k, a += height, b += 2 * W) {
    const V b0 = load<V>(b), b1 = load<V>(b + W);
    for (int r = 0; r < Rows; ++r) {
      const V x = broadcast<V>(a[r]);
      least[r][0] = minimum(x + b0, least[r][0]);
      least[r][1] = minimum(x + b1, least[r][1]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    store(out + r * width<T>, least[r][0]);
    store(out + r * width<T> + W, least[r][1]);
  }
}

// Columns [begin, begin + count) of the rows `k`, in steps of `step` values; those beyond are zero and never read back.
template <class T>
void pack(const T* table, Index stride, Range k, Index begin, Index count, int step, T* out) {
  for (Index row = k.begin; row < k.end; ++row, out += step) {
    const T* from = table + row * stride + begin;
    std::copy(from, from + count, out);
    std::fill(out + count, out + step, T(0));
  }
}

template <class T>
void product(T* table, Index stride, Range k, Range p, Range q, bool first, T* scratch) {
  constexpr int w = width<T>;
  const Index n = k.size();
  T* result = scratch;  // of one tile
  T* a = result + height * w;
  T* b = a + n * height;
  static_assert(height * w <= 8 * hierarchy::min_plus_length);
  const Index panels = (q.size() + w - 1) / w;
  for (Index j = 0; j < panels; ++j)
    pack(table, stride, k, q.begin + j * w, std::min<Index>(w, q.size() - j * w), w, b + j * w * n);
  for (Index i = p.begin; i < p.end; i += height) {
    const int rows = static_cast<int>(std::min<Index>(height, p.end - i));
    pack(table, stride, k, i, rows, height, a);
    for (Index j = 0; j < panels; ++j) {
      const T* panel = b + j * w * n;
      if (rows == 1)
        tile<T, 1>(a, panel, n, result);
      else if (rows <= height / 2)
        tile<T, height / 2>(a, panel, n, result);
      else
        tile<T, height>(a, panel, n, result);
      const Index columns = std::min<Index>(w, q.size() - j * w);
      for (int r = 0; r < rows; ++r) {
        T* to = table + (i + r) * stride + q.begin + j * w;
        const T* from = result + r * w;
        for (Index c = 0; c < columns; ++c) to[c] = first || from[c] < to[c] ? from[c] : to[c];
      }
    }
  }
}

}  // namespace

const hierarchy::MinPlusKernels<float>& min_plus_f32() {
  static constexpr hierarchy::MinPlusKernels<float> kernels{product<float>};
  return kernels;
}
const hierarchy::MinPlusKernels<double>& min_plus_f64() {
  static constexpr hierarchy::MinPlusKernels<double> kernels{product<double>};
  return kernels;
}

}  // namespace shoal::SHOAL_LEVEL
