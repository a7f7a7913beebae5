// The inner loops of row_kernels.hpp.
#include <cstring>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using centroid::code_lanes;
using centroid::CodeSums;

#if !defined(SHOAL_LEVEL_scalar)
constexpr int W = lanes_of<double>;  // values worked on together, of either type
using Hashes = typename VecOf<std::uint64_t, W>::type;

// W values as hash_part has them.
template <class T>
SHOAL_INLINE Hashes hash_parts(const T* values) {
  using V = Vec<T, W>;
  using Bits = typename VecOf<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>, W>::type;
  const V value = load<V>(values);
  const Bits bits = (Bits)value & (Bits)(value != V{});
  return __builtin_convertvector(bits ^ bits >> (4 * sizeof(T)), Hashes);
}
#endif

template <class T>
void hash_rows(const T* x, Index n, Index d, const std::uint64_t* keys, std::uint64_t* out) {
  for (Index i = 0; i < n; ++i, x += d) {
    std::uint64_t sum = 0;
    Index p = 0;
#if !defined(SHOAL_LEVEL_scalar)
    if (d >= W) {
      Hashes even{}, odd{};
      for (; p + 2 * W <= d; p += 2 * W) {
        even += hash_parts(x + p) * load<Hashes>(keys + p);
        odd += hash_parts(x + p + W) * load<Hashes>(keys + p + W);
      }
      for (; p + W <= d; p += W) even += hash_parts(x + p) * load<Hashes>(keys + p);
      even += odd;
      for (int l = 0; l < W; ++l) sum += even[l];
    }
#endif
    for (; p < d; ++p) sum += centroid::hash_part(x[p]) * keys[p];
    out[i] = centroid::hash_end(sum);
  }
}

constexpr double to_integer = 0x1.8p52;  // added and taken away again it rounds a double of this size

template <class T, int W = lanes_of<double>>
CodeSums code_row(const T* row, Index d, const T* low, double per_step, std::uint8_t* to) {
  constexpr Index words_apart = code_lanes * 4;
  double rest = 0, sum = 0, sq = 0;  // the last two are whole numbers
  Index p = 0;
  if constexpr (W >= 4) {
    using V = Vec<double, W>;
    using Few = Vec<T, W>;
    using Bytes = typename VecOf<std::uint8_t, W>::type;
    V rests{}, sums{}, sqs{};
    for (; p + W <= d; p += W) {
      const V value = (converted<V>(load<Few>(row + p)) - converted<V>(load<Few>(low + p))) * per_step;
      const V code = (value + to_integer) - to_integer;
      rests += (value - code) * (value - code);
      sums += code;
      sqs += code * code;
      const Bytes bytes = __builtin_convertvector(__builtin_convertvector(code, IntVec<float, W>), Bytes);
      for (int w = 0; w < W / 4; ++w)
        std::memcpy(to + (p / 4 + w) * words_apart, reinterpret_cast<const char*>(&bytes) + 4 * w, 4);
    }
    rest = sum_lanes<double>(rests);
    sum = sum_lanes<double>(sums);
    sq = sum_lanes<double>(sqs);
  }
  for (; p < d; ++p) {
    const double value = (static_cast<double>(row[p]) - static_cast<double>(low[p])) * per_step;
    const double code = (value + to_integer) - to_integer;
    rest += (value - code) * (value - code);
    sum += code;
    sq += code * code;
    to[p / 4 * words_apart + p % 4] = static_cast<std::uint8_t>(static_cast<std::int32_t>(code));
  }
  return {rest, static_cast<std::int32_t>(sum), static_cast<std::int32_t>(sq)};
}

template <class T>
inline constexpr centroid::RowKernels<T> table = {hash_rows<T>, code_row<T>};

}  // namespace

const centroid::RowKernels<float>& row_kernels_f32() {
  return table<float>;
}
const centroid::RowKernels<double>& row_kernels_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
