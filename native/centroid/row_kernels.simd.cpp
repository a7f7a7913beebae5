// The inner loops of row_kernels.hpp.
#include <cmath>
#include <limits>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

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

template <class T>
SHOAL_INLINE T sq_dist(const T* a, const T* b, Index d) {
  using V = Vec<T>;
  constexpr int L = lanes_of<T>;
  V sum{};
  Index p = 0;
  for (; p + L <= d; p += L) {
    const V difference = load<V>(a + p) - load<V>(b + p);
    sum += difference * difference;
  }
  T total = sum_lanes<T>(sum);
  for (; p < d; ++p) total += (a[p] - b[p]) * (a[p] - b[p]);
  return total;
}

template <class T>
SHOAL_INLINE T sq_norm(const T* a, Index d) {
  using V = Vec<T>;
  constexpr int L = lanes_of<T>;
  V sum{};
  Index p = 0;
  for (; p + L <= d; p += L) sum += load<V>(a + p) * load<V>(a + p);
  T total = sum_lanes<T>(sum);
  for (; p < d; ++p) total += a[p] * a[p];
  return total;
}

template <class T>
SHOAL_INLINE T rounding(Index d) {
  return static_cast<T>(d + 8) * std::numeric_limits<T>::epsilon();
}

template <class T>
void norms(const T* x, Index n, Index d, const T* origin, T* out) {
  const T up = 1 + rounding<T>(d);
  const T floor = static_cast<T>(d + 8) * std::numeric_limits<T>::min();
  for (Index i = 0; i < n; ++i) {
    const T* row = x + i * d;
    out[i] = std::sqrt((origin ? sq_dist(row, origin, d) : sq_norm(row, d)) + floor) * up;
  }
}

template <class T>
Index list_unproven(const centroid::ProofLimits<T>& limits, const T* norms, T moved, const T* value, const T* second,
                    Index n, std::int32_t* list) {
  using V = Vec<T>;
  constexpr int L = lanes_of<T>;
  constexpr T up = 1 + 4 * std::numeric_limits<T>::epsilon();
  Index count = 0;
  Index i = 0;
  if constexpr (L > 1) {
    for (; i + L <= n; i += L) {
      const V norm = (load<V>(norms + i) + moved) * up;
      const V least = load<V>(value + i);
      const V gap = 2 * (load<V>(second + i) - least);
      const auto without_far = (norm <= limits.most_norm) & (least < limits.most_value);
      const V needed = select(without_far, limits.near.needed(norm), limits.all.needed(norm));
      const auto proven = gap > needed;
      if (!any(~proven)) continue;
      for (int l = 0; l < L; ++l)
        if (!proven[l]) list[count++] = static_cast<std::int32_t>(i + l);
    }
  }
  for (; i < n; ++i)
    if (!limits.proven((norms[i] + moved) * up, value[i], second[i])) list[count++] = static_cast<std::int32_t>(i);
  return count;
}

// |x - a|^2 - |x - b|^2.
template <class T>
SHOAL_INLINE double further(const T* x, const T* a, const T* b, Index d) {
  constexpr int L = lanes_of<double>;
  using V = Vec<double, L>;
  using Few = Vec<T, L>;
  V sum{};
  Index p = 0;
  for (; p + L <= d; p += L) {
    const V one = converted<V>(load<Few>(a + p));
    const V two = converted<V>(load<Few>(b + p));
    const V own = converted<V>(load<Few>(x + p));
    sum += (two - one) * ((own - one) + (own - two));
  }
  double total = sum_lanes<double>(sum);
  for (; p < d; ++p) {
    const auto one = static_cast<double>(a[p]), two = static_cast<double>(b[p]), own = static_cast<double>(x[p]);
    total += (two - one) * ((own - one) + (own - two));
  }
  return total;
}

template <class T>
std::int32_t nearest(const T* row, Points<const T> centers, T* sq) {
  const Index k = centers.n_samples;
  const Index d = centers.n_features;
  T least = std::numeric_limits<T>::infinity();
  for (Index j = 0; j < k; ++j) {
    sq[j] = sq_dist(row, centers.data + j * d, d);
    least = sq[j] < least ? sq[j] : least;
  }
  // what rounding can have made of a distance that is no larger
  const T most = least * (1 + 4 * rounding<T>(d)) + static_cast<T>(8 * (d + 8)) * std::numeric_limits<T>::min();
  Index best = -1;
  for (Index j = 0; j < k; ++j)
    if (sq[j] <= most && (best < 0 || further(row, centers.data + best * d, centers.data + j * d, d) > 0)) best = j;
  return static_cast<std::int32_t>(best < 0 ? 0 : best);
}

template <class T>
inline constexpr centroid::RowKernels<T> table = {hash_rows<T>, norms<T>, list_unproven<T>, nearest<T>};

}  // namespace

const centroid::RowKernels<float>& row_kernels_f32() {
  return table<float>;
}
const centroid::RowKernels<double>& row_kernels_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
