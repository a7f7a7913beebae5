// Rough samples on vector types; see rough.hpp.
#include "centroid/rough.hpp"

#include <limits>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using centroid::CodeSteps;
using centroid::FewCenters;
using centroid::rough_rows;

template <int W>
using Codes = typename VecOf<std::int16_t, W>::type;

// Sums in registers: rows x centres, and room for the rows and one centre.
constexpr int batch_rows = 2;
constexpr int batch_centers = vector_registers >= 32 ? 12 : 5;

void narrow(const double* x, Index n, Index d, const double* origin, double scale, float* out, float* norm) {
  constexpr int W = lanes_of<double>;
  using V = Vec<double>;
  using F = Vec<float, W>;
  const V factor = broadcast<V>(scale);
  for (Index i = 0; i < n; ++i, x += d, out += d) {
    F sum{};
    Index p = 0;
    for (; p + W <= d; p += W) {
      const F value = converted<F>((load<V>(x + p) - load<V>(origin + p)) * factor);
      store(out + p, value);
      sum += value * value;
    }
    float total = sum_lanes<float, W>(sum);
    for (; p < d; ++p) {
      out[p] = static_cast<float>((x[p] - origin[p]) * scale);
      total += out[p] * out[p];
    }
    norm[i] = square_root(total);
  }
}

// A vector of values, or one.
template <class U, class I, class T, class Write>
SHOAL_INLINE void encode_values(const T* x, Index p, const CodeSteps<T>& steps, U& sum, U& left, Write&& write) {
  constexpr int most = 32767;
  const U y = load<U>(x + p) - load<U>(steps.middle.data() + p);
  const U code = minimum(maximum(y * load<U>(steps.factor.data() + p), broadcast<U>(T{-most})), broadcast<U>(T{most}));
  // to the nearest: as a number above 0, of which the fraction is cut off
  const I whole = converted<I>(code + broadcast<U>(T{most} + T{1.5})) - broadcast<I>(Int<T>{most + 1});
  const U value = converted<U>(whole) * load<U>(steps.step.data() + p);
  const U difference = y * broadcast<U>(steps.scale) - value;
  sum += value * value;
  left += difference * difference;
  write(whole);
}

template <class T>
void encode(const T* x, Index n, Index d, const CodeSteps<T>& steps, std::int16_t* codes, float* norm, float* rest) {
  constexpr int W = lanes_of<T>;
  for (Index i = 0; i < n; ++i, x += d, codes += d) {
    Vec<T> sum{};
    Vec<T> left{};
    Index p = 0;
    for (; p + W <= d; p += W)
      encode_values<Vec<T>, IntVec<T>>(x, p, steps, sum, left,
                                       [&](IntVec<T> whole) { store(codes + p, converted<Codes<W>>(whole)); });
    T total = sum_lanes<T>(sum);
    T total_left = sum_lanes<T>(left);
    for (; p < d; ++p)
      encode_values<T, Int<T>>(x, p, steps, total, total_left,
                               [&](Int<T> whole) { codes[p] = static_cast<std::int16_t>(whole); });
    norm[i] = static_cast<float>(square_root(total));
    rest[i] = static_cast<float>(square_root(total_left));
  }
}

// One vector of a row that has n more values.
SHOAL_INLINE Vec<float> decoded(const std::int16_t* from, Index n) {
  constexpr int W = lanes_of<float>;
  if (W == 1 || n >= W) return converted<Vec<float>>(converted<IntVec<float>>(load<Codes<W>>(from)));
  std::int16_t some[W] = {};
  for (Index p = 0; p < n; ++p) some[p] = from[p];
  return converted<Vec<float>>(converted<IntVec<float>>(load<Codes<W>>(some)));
}

// values[j * rough_rows + r] = start[j] - row r . centre j, for K centres from `first` on and batch_rows rows,
// `apart` from each other.
template <int K>
SHOAL_INLINE void few_values(const std::int16_t* codes, Index apart, const FewCenters& centers, Index first,
                             float* values, const char*& ahead, Index lines) {
  constexpr int R = batch_rows;
  using V = Vec<float>;
  constexpr int W = lanes_of<float>;
  const float* center = centers.data.data() + first * centers.stride;
  V sum[R][K]{};
  const auto step = [&](Index p, Index left) {
    V x[R];
    for (int r = 0; r < R; ++r) x[r] = decoded(codes + r * apart + p, left);
    for (int j = 0; j < K; ++j) {
      const V c = load<V>(center + j * centers.stride + p);
      for (int r = 0; r < R; ++r) sum[r][j] += x[r] * c;
    }
    for (Index l = 0; l < lines; ++l, ahead += 64) __builtin_prefetch(ahead, 0, 2);
  };
  const Index whole = centers.n_features / W * W;
  for (Index p = 0; p < whole; p += W) step(p, W);
  if (whole < centers.n_features) step(whole, centers.n_features - whole);
  for (int j = 0; j < K; ++j)
    for (int r = 0; r < R; ++r)
      values[(first + j) * rough_rows + r] =
          centers.start[static_cast<std::size_t>(first + j)] - sum_lanes<float>(sum[r][j]);
}

void nearest(const std::int16_t* codes, Index n, const FewCenters& centers, std::int32_t* label, float* value,
             float* second, float* values, const void* ahead, Index ahead_bytes) {
  constexpr int R = batch_rows;
  const Index k = centers.n_centers;
  const Index blocks = (k + batch_centers - 1) / batch_centers;
  const Index steps = (n + R - 1) / R * blocks * (centers.stride / lanes_of<float>);
  const Index lines = (ahead_bytes / 64 + steps - 1) / steps;
  const char* next = static_cast<const char*>(ahead);
  for (Index first = 0; first < n; first += R) {
    const Index apart = first + 1 < n ? centers.n_features : 0;  // a last single row twice
    for (Index b = 0; b < blocks; ++b) {
      const Index begin = k * b / blocks;
      with_constant<batch_centers>(static_cast<int>(k * (b + 1) / blocks - begin), [&](auto size) {
        few_values<size()>(codes + first * centers.n_features, apart, centers, begin, values + first, next, lines);
      });
    }
  }
  // the two smallest of each row, a vector of rows at a time
  using V = Vec<float>;
  using I = IntVec<float>;
  constexpr int W = lanes_of<float>;
  for (Index first = 0; first < n; first += W) {
    V best = broadcast<V>(std::numeric_limits<float>::infinity());
    V other = best;
    I found{};
    for (Index j = 0; j < k; ++j) {
      const V v = load<V>(values + j * rough_rows + first);
      found = select(v < best, broadcast<I>(static_cast<std::int32_t>(j)), found);
      other = minimum(other, maximum(v, best));
      best = minimum(v, best);
    }
    for (Index r = first; r < n && r < first + W; ++r) {
      const auto l = static_cast<int>(r - first);
      label[r] = lane<std::int32_t>(found, l);
      value[r] = lane<float>(best, l);
      second[r] = lane<float>(other, l);
    }
  }
}

}  // namespace

const centroid::RoughKernels& rough_kernels() {
  static constexpr centroid::RoughKernels table = {
      lanes_of<float>, narrow, encode<float>, encode<double>, nearest,
  };
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
