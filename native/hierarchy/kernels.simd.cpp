// The inner loops of linkage on vector types; see kernels.hpp. Compiled without fused multiply-adds.
#include <algorithm>

#include "hierarchy/kernels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using hierarchy::Columns;
using hierarchy::Nearest;
using hierarchy::Norm;
using hierarchy::Pair;
using hierarchy::Update;

template <class T>
Index first_min(const T* values, const T* penalty, Index n, T* least, T* second) {
  using V = Vec<T>;
  using I = IntVec<T>;
  constexpr int W = lanes_of<T>;
  constexpr T inf = std::numeric_limits<T>::infinity();
  V best[2] = {broadcast<V>(inf), broadcast<V>(inf)};
  V next[2] = {broadcast<V>(inf), broadcast<V>(inf)};
  I step[2] = {broadcast<I>(Int<T>{-1}), broadcast<I>(Int<T>{-1})};
  const Index steps = (n + W - 1) / W;
  const auto look = [&](Index s, int u) {
    const V value = load<V>(values + s * W) + load<V>(penalty + s * W);
    const auto nearer = value < best[u];
    next[u] = minimum(next[u], maximum(value, best[u]));
    best[u] = select(nearer, value, best[u]);
    step[u] = select(nearer, broadcast<I>(static_cast<Int<T>>(s)), step[u]);
  };
  Index s = 0;
  for (; s + 1 < steps; s += 2) {
    look(s, 0);
    look(s + 1, 1);
  }
  if (s < steps) look(s, 0);
  Index first = -1;
  T value = inf;
  T other = inf;
  for (int u = 0; u < 2; ++u)
    for (int i = 0; i < W; ++i) {
      const auto at = lane<Int<T>>(step[u], i);
      if (at < 0) continue;
      const T v = lane<T>(best[u], i);
      const T w = lane<T>(next[u], i);
      const Index index = static_cast<Index>(at) * W + i;
      if (v < value || (v == value && index < first)) {
        if (value < other) other = value;
        value = v;
        first = index;
      } else if (v < other) {
        other = v;
      }
      if (w < other) other = w;
    }
  *least = value;
  *second = other;
  return first;
}

template <class T, class F>
SHOAL_INLINE void each(const T* __restrict to_x, const T* __restrict to_y, const T* __restrict size, Index n,
                       T* __restrict out, F&& f) {
  for (Index i = 0; i < n; ++i) out[i] = f(to_x[i], to_y[i], size[i]);
}

// In the order of SciPy's operations, so that ties which rounding breaks are broken the same way.
template <class T>
void merge_rows(Update update, const T* to_x, const T* to_y, const T* size, Index n, const Pair& pair, T* out) {
  const T d = static_cast<T>(pair.distance);
  const T nx = static_cast<T>(pair.size_x);
  const T ny = static_cast<T>(pair.size_y);
  switch (update) {
    case Update::complete:
      each(to_x, to_y, size, n, out, [](T x, T y, T) { return x > y ? x : y; });
      break;
    case Update::average:
      each(to_x, to_y, size, n, out, [=](T x, T y, T) { return (nx * x + ny * y) / (nx + ny); });
      break;
    case Update::weighted:
      each(to_x, to_y, size, n, out, [](T x, T y, T) { return T(0.5) * (x + y); });
      break;
    case Update::ward:
      each(to_x, to_y, size, n, out, [=](T x, T y, T ni) {
        const T t = T(1) / ((nx + ny) + ni);
        const T sq = (ni + nx) * t * x * x + (ni + ny) * t * y * y - ni * t * d * d;
        return std::sqrt(sq > T(0) ? sq : T(0));
      });
      break;
    case Update::centroid:
      each(to_x, to_y, size, n, out, [=](T x, T y, T) {
        const T sq = (((nx * x * x) + (ny * y * y)) - (nx * ny * d * d) / (nx + ny)) / (nx + ny);
        return std::sqrt(sq > T(0) ? sq : T(0));
      });
      break;
    case Update::median:
      each(to_x, to_y, size, n, out, [=](T x, T y, T) {
        const T sq = T(0.5) * (x * x + y * y) - T(0.25) * d * d;
        return std::sqrt(sq > T(0) ? sq : T(0));
      });
      break;
  }
}

template <class T>
T offer(const T* row, Index n, std::int32_t id, T* least, T* second, std::int32_t* nearest) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  V all = broadcast<V>(std::numeric_limits<T>::infinity());
  Index j = 0;
  for (; j + W <= n; j += W) {
    const V value = load<V>(row + j);
    const V next = load<V>(second + j);
    all = minimum(all, value);
    if (!any(value < next)) continue;
    const V old = load<V>(least + j);
    store(second + j, minimum(next, maximum(value, old)));
    store(least + j, minimum(value, old));
    for (std::uint32_t nearer = mask_bits<T>(value < old); nearer; nearer &= nearer - 1)
      nearest[j + __builtin_ctz(nearer)] = id;
  }
  T smallest = least_lane<T>(all);
  for (; j < n; ++j) {
    const T old = least[j];
    const T larger = row[j] > old ? row[j] : old;
    if (larger < second[j]) second[j] = larger;
    if (row[j] < old) {
      least[j] = row[j];
      nearest[j] = id;
    }
    smallest = std::min(smallest, row[j]);
  }
  return smallest;
}

template <class T>
SHOAL_INLINE void follow_one(T value, std::int32_t x, std::int32_t y, T& least, T& second, std::int32_t& nearest) {
  if (nearest == hierarchy::unknown_cluster) return;
  if (nearest == x || nearest == y) {
    nearest = value < second ? y : hierarchy::unknown_cluster;  // no other is nearer than second
    least = value;
  } else if (value < least || (value == least && y < nearest)) {
    nearest = y;  // equally near, or nearer by rounding: what a new look would find
    second = least;
    least = value;
  } else if (value < second) {
    second = value;
  }
}

// Few clusters notice a merge: those that do are found in vectors.
template <class T>
void follow(const T* row, Index n, std::int32_t x, std::int32_t y, T* least, T* second, std::int32_t* nearest) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  using N = typename VecOf<std::int32_t, W>::type;
  Index j = 0;
  for (; j + W <= n; j += W) {
    const N near = load<N>(nearest + j);
    std::uint32_t hits = mask_bits<T>(load<V>(row + j) <= load<V>(second + j)) |
                         mask_bits<std::int32_t>((near == broadcast<N>(x)) | (near == broadcast<N>(y)));
    for (; hits; hits &= hits - 1) {
      const Index i = j + __builtin_ctz(hits);
      follow_one(row[i], x, y, least[i], second[i], nearest[i]);
    }
  }
  for (; j < n; ++j) follow_one(row[j], x, y, least[j], second[j], nearest[j]);
}

template <Norm norm, class V>
SHOAL_INLINE V add_term(V sum, V difference) {
  if constexpr (norm == Norm::sq_euclidean) return sum + difference * difference;
  if constexpr (norm == Norm::manhattan) return sum + absolute(difference);
  return maximum(sum, absolute(difference));
}

// Q queries against U vectors of positions.
template <Norm norm, int Q, int U, class V>
SHOAL_INLINE void sums_block(const Columns& data, const double* queries, Index begin, double* out, Index out_stride) {
  constexpr int W = sizeof(V) / sizeof(double);
  V sum[Q][U];
  for (int q = 0; q < Q; ++q)
    for (int u = 0; u < U; ++u) sum[q][u] = V{};
  const double* at = data.columns + begin;
  for (Index f = 0; f < data.n_features; ++f, at += data.stride) {
    V value[U];
    for (int u = 0; u < U; ++u) value[u] = load<V>(at + u * W);
    for (int q = 0; q < Q; ++q) {
      const V own = broadcast<V>(queries[q * data.n_features + f]);
      for (int u = 0; u < U; ++u) sum[q][u] = add_term<norm>(sum[q][u], own - value[u]);
    }
  }
  for (int q = 0; q < Q; ++q)
    for (int u = 0; u < U; ++u) store(out + q * out_stride + u * W, sum[q][u]);
}

// All queries against U vectors of positions: a strip of the columns is looked up in memory once for all of them.
template <Norm norm, int U, class V>
SHOAL_INLINE void sums_strip(const Columns& data, const double* queries, Index n_queries, Index begin, double* out,
                             Index out_stride) {
  Index q = 0;
  for (; q + 4 <= n_queries; q += 4)
    sums_block<norm, 4, U, V>(data, queries + q * data.n_features, begin, out + q * out_stride, out_stride);
  for (; q < n_queries; ++q)
    sums_block<norm, 1, U, V>(data, queries + q * data.n_features, begin, out + q * out_stride, out_stride);
}

template <Norm norm>
void sums_norm(const Columns& data, const double* queries, Index n_queries, Index begin, Index end, double* out,
               Index out_stride) {
  using V = Vec<double>;
  constexpr int W = lanes_of<double>;
  Index i = begin;
  if (n_queries < 4)
    for (; i + 4 * W <= end; i += 4 * W)
      sums_strip<norm, 4, V>(data, queries, n_queries, i, out + i - begin, out_stride);
  for (; i + 2 * W <= end; i += 2 * W) sums_strip<norm, 2, V>(data, queries, n_queries, i, out + i - begin, out_stride);
  for (; i + W <= end; i += W) sums_strip<norm, 1, V>(data, queries, n_queries, i, out + i - begin, out_stride);
  for (; i < end; ++i) sums_strip<norm, 1, double>(data, queries, n_queries, i, out + i - begin, out_stride);
}

void sums(Norm norm, double p, const Columns& data, const double* queries, Index n_queries, Index begin, Index end,
          double* out, Index out_stride) {
  switch (norm) {
    case Norm::sq_euclidean:
      return sums_norm<Norm::sq_euclidean>(data, queries, n_queries, begin, end, out, out_stride);
    case Norm::manhattan:
      return sums_norm<Norm::manhattan>(data, queries, n_queries, begin, end, out, out_stride);
    case Norm::chebyshev:
      return sums_norm<Norm::chebyshev>(data, queries, n_queries, begin, end, out, out_stride);
    case Norm::minkowski:
      for (Index q = 0; q < n_queries; ++q)
        for (Index i = begin; i < end; ++i) {
          double sum = 0;
          for (Index f = 0; f < data.n_features; ++f)
            sum += std::pow(std::fabs(queries[q * data.n_features + f] - data.columns[f * data.stride + i]), p);
          out[q * out_stride + i - begin] = sum;
        }
  }
}

// The vectors are screened without a division; what passes is computed again as it is defined.
void nearest_ward(const Columns& data, const double* inverses, const std::int32_t* ids, Index begin, Index end,
                  const double* query, double inverse, std::int32_t own, Nearest* best) {
  using V = Vec<double>;
  constexpr int W = lanes_of<double>;
  constexpr int U = 4;
  constexpr double slack = 1 + 1e-14;
  Nearest found = *best;
  V limit = broadcast<V>(found.second * slack);
  const auto take = [&](Index i, V sum, V scale) {
    std::uint32_t hits = mask_bits<double>(sum <= limit * scale);
    for (; hits; hits &= hits - 1) {
      const int l = __builtin_ctz(hits);
      if (i + l >= end || ids[i + l] == own) continue;
      const double value = lane<double>(sum, l) / (inverse + inverses[i + l]);
      if (ids[i + l] == found.id) continue;  // what was known already
      if (value < found.value || (value == found.value && ids[i + l] < found.id))
        found = {value, ids[i + l], found.value};
      else if (value < found.second)
        found.second = value;
      limit = broadcast<V>(found.second * slack);
    }
  };
  Index i = begin;
  for (; i + (U - 1) * W < end; i += U * W) {
    V sum[U] = {};
    const double* at = data.columns + i;
    for (Index f = 0; f < data.n_features; ++f, at += data.stride) {
      const V value = broadcast<V>(query[f]);
      for (int u = 0; u < U; ++u) {
        const V difference = value - load<V>(at + u * W);
        sum[u] = sum[u] + difference * difference;
      }
    }
    for (int u = 0; u < U; ++u) take(i + u * W, sum[u], load<V>(inverses + i + u * W) + broadcast<V>(inverse));
  }
  for (; i < end; i += W) {
    V sum{};
    const double* at = data.columns + i;
    for (Index f = 0; f < data.n_features; ++f, at += data.stride) {
      const V difference = broadcast<V>(query[f]) - load<V>(at);
      sum = sum + difference * difference;
    }
    take(i, sum, load<V>(inverses + i) + broadcast<V>(inverse));
  }
  *best = found;
}

template <class T>
inline constexpr hierarchy::TriangleKernels<T> table = {first_min<T>, merge_rows<T>, offer<T>, follow<T>};
inline constexpr hierarchy::PointKernels points = {sums, nearest_ward};

}  // namespace

const hierarchy::TriangleKernels<float>& triangle_f32() {
  return table<float>;
}
const hierarchy::TriangleKernels<double>& triangle_f64() {
  return table<double>;
}
const hierarchy::PointKernels& linkage_points() {
  return points;
}

}  // namespace shoal::SHOAL_LEVEL
