// Inner loops of the k-means family on vector types; see kernels.hpp.
#include <limits>

#include "centroid/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using centroid::LaneBest;
using centroid::RowsAhead;
using distance::Samples;

// Centres in a group: one vector where vectors are wide, at least eight.
template <class T>
inline constexpr int group_lanes = lanes_of<T> > 8 ? lanes_of<T> : 8;
template <class T>
inline constexpr int group_vectors = group_lanes<T> / lanes_of<T>;
// Rows worked on together: enough independent sums to hide the latency, few enough for the row pointers.
template <class T>
inline constexpr int batch_rows = group_vectors<T> == 1   ? 8
                                  : group_vectors<T> == 2 ? 6
                                                          : 2;

template <class T>
void shift_rows(const Samples<T>& s, T* out, T* sq_norm) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  const Index d = s.n_features;
  for (Index i = 0; i < s.n; ++i, out += d) {
    const T* row = s.x + (s.index ? static_cast<Index>(s.index[i]) : i) * d;
    V sum{};
    Index p = 0;
    for (; p + W <= d; p += W) {
      const V value = s.origin ? load<V>(row + p) - load<V>(s.origin + p) : load<V>(row + p);
      store(out + p, value);
      sum += value * value;
    }
    T total = sum_lanes<T>(sum);
    for (; p < d; ++p) {
      out[p] = s.origin ? row[p] - s.origin[p] : row[p];
      total += out[p] * out[p];
    }
    sq_norm[i] = total;
  }
}

template <class T>
SHOAL_INLINE void write_row(const RowsAhead<T>& ahead, Index i, Index d) {
  using V = Vec<T>;
  T* out = ahead.out + i * d;
  const T* row = ahead.x + i * d;
  Index p = 0;
  for (; p + lanes_of<T> <= d; p += lanes_of<T>) store(out + p, load<V>(row + p) - load<V>(ahead.origin + p));
  for (; p < d; ++p) out[p] = row[p] - ahead.origin[p];
}

template <class T>
void add_row(double* sum, const T* row, const T* origin, double factor, Index d) {
  for (Index p = 0; p < d; ++p) sum[p] += factor * (static_cast<double>(row[p]) - static_cast<double>(origin[p]));
}

// Rows come in turn, so sums are those of one row after the other; taking several at a time keeps sums in registers.
template <int R, class T>
SHOAL_INLINE void add_moments_of(double* sum, double* sum_sq, const T* rows, Index d, const T* origin,
                                 const T* weight) {
  using V = Vec<double>;
  using Few = Vec<T, lanes_of<double>>;
  constexpr int W = lanes_of<double>;
  double factor[R];
  for (int r = 0; r < R; ++r) factor[r] = weight ? static_cast<double>(weight[r]) : 1.0;
  Index p = 0;
  for (; p + W <= d; p += W) {
    V s = load<V>(sum + p), sq = load<V>(sum_sq + p);
    const V from = converted<V>(load<Few>(origin + p));
    for (int r = 0; r < R; ++r) {
      const V value = converted<V>(load<Few>(rows + r * d + p)) - from;
      const V weighted = factor[r] * value;
      s += weighted;
      sq += weighted * value;
    }
    store(sum + p, s);
    store(sum_sq + p, sq);
  }
  for (; p < d; ++p) {
    double s = sum[p], sq = sum_sq[p];
    for (int r = 0; r < R; ++r) {
      const double value = static_cast<double>(rows[r * d + p]) - static_cast<double>(origin[p]);
      const double weighted = factor[r] * value;
      s += weighted;
      sq += weighted * value;
    }
    sum[p] = s;
    sum_sq[p] = sq;
  }
}

template <class T>
void add_moments(double* sum, double* sum_sq, const T* rows, Index n, Index d, const T* origin, const T* weight) {
  constexpr int together = 8;
  Index i = 0;
  for (; i + together <= n; i += together)
    add_moments_of<together>(sum, sum_sq, rows + i * d, d, origin, weight ? weight + i : nullptr);
  for (; i < n; ++i) add_moments_of<1>(sum, sum_sq, rows + i * d, d, origin, weight ? weight + i : nullptr);
}

// Values of R rows for one group, in registers: start - row . centre, feature by feature as in the distance tile. In
// between, rows [done, done + R) of `ahead` are written out, each after its lines had time to arrive.
template <int R, class T>
SHOAL_INLINE void group_tile(Vec<T> (&sum)[R][group_vectors<T>], const T* const* rows, const T* group, const T* start,
                             Index d, const RowsAhead<T>& ahead, Index done) {
  using V = Vec<T>;
  constexpr int N = group_vectors<T>;
  constexpr int W = lanes_of<T>;
  const T* row[R];
  for (int r = 0; r < R; ++r) {
    row[r] = rows[r];
    for (int v = 0; v < N; ++v) sum[r][v] = load<V>(start + v * W);
  }
  const auto steps = [&](Index begin, Index end, const T* next, Index next_step) {
    for (Index p = begin; p < end; ++p) {
      V c[N];
      for (int v = 0; v < N; ++v) c[v] = load<V>(group + v * W);
      for (int r = 0; r < R; ++r) {
        const V x = broadcast<V>(row[r][p]);
        for (int v = 0; v < N; ++v) sum[r][v] = sum[r][v] - x * c[v];
      }
      group += group_lanes<T>;
      if (next_step == 0) continue;
      __builtin_prefetch(next);
      next += next_step;
    }
  };
  if (done >= ahead.n) return steps(0, d, nullptr, 0);
  for (int r = 0; r < R; ++r) {
    const Index i = done + r;
    // one line per step is enough: a row's lines are at most d / R steps' worth
    if (i + 1 < ahead.n)
      steps(r * d / R, (r + 1) * d / R, ahead.x + (i + 1) * d, R);
    else
      steps(r * d / R, (r + 1) * d / R, nullptr, 0);
    if (i < ahead.n) write_row(ahead, i, d);
  }
}

// The two smallest of the lanes and the first lane of the smallest.
template <class T>
SHOAL_INLINE LaneBest<T> two_smallest(const T* values) {
  LaneBest<T> out{values[0], std::numeric_limits<T>::infinity(), 0};
  for (int i = 1; i < group_lanes<T>; ++i) {
    const T value = values[i];
    const bool nearer = value < out.best;
    const T larger = nearer ? out.best : value;
    out.second = larger < out.second ? larger : out.second;
    out.lane = nearer ? i : out.lane;
    out.best = nearer ? value : out.best;
  }
  return out;
}

// As two_smallest, for W rows at once: values is W rows of group_lanes.
template <class T>
SHOAL_INLINE void two_smallest_of_rows(const T* values, Index n, LaneBest<T>* out) {
  using V = Vec<T>;
  using I = IntVec<T>;
  constexpr int W = lanes_of<T>;
  constexpr int G = group_lanes<T>;
  if constexpr (W == 1) {
    out[0] = two_smallest(values);
  } else {
    V best = broadcast<V>(std::numeric_limits<T>::infinity());
    V second = best;
    I lanes{};
    for (int at = 0; at < G; at += W) {
      V block[W];
      for (int r = 0; r < W; ++r) block[r] = load<V>(values + r * G + at);
      transpose<W>(block);
      for (int l = 0; l < W; ++l) {
        const auto nearer = block[l] < best;
        second = minimum(second, maximum(block[l], best));
        lanes = select(nearer, broadcast<I>(static_cast<Int<T>>(at + l)), lanes);
        best = minimum(block[l], best);
      }
    }
    alignas(64) T best_of[W];
    alignas(64) T second_of[W];
    alignas(64) Int<T> lane_of[W];
    store(best_of, best);
    store(second_of, second);
    store(lane_of, lanes);
    for (Index r = 0; r < n; ++r) out[r] = {best_of[r], second_of[r], static_cast<std::int32_t>(lane_of[r])};
  }
}

template <class T>
void best_of_group(const T* const* rows, Index n, const T* group, const T* start, Index d, LaneBest<T>* out,
                   T* all_values, const RowsAhead<T>& ahead) {
  constexpr int W = lanes_of<T>;
  constexpr int R = batch_rows<T>;
  constexpr int N = group_vectors<T>;
  constexpr int G = group_lanes<T>;
  alignas(64) T values[(W > R ? W : R) * G] = {};
  for (Index first = 0; first < n; first += W) {
    const Index count = n - first < W ? n - first : W;
    for (Index at = 0; at < count; at += R) {
      const int size = static_cast<int>(count - at < R ? count - at : R);
      with_constant<R>(size, [&](auto constant) {
        constexpr int rows_here = constant;
        Vec<T> sum[rows_here][N];
        group_tile<rows_here, T>(sum, rows + first + at, group, start, d, ahead, first + at);
        for (int r = 0; r < rows_here; ++r)
          for (int v = 0; v < N; ++v) store(values + (at + r) * G + v * W, sum[r][v]);
      });
    }
    two_smallest_of_rows(values, count, out + first);
    if (all_values) std::memcpy(all_values + first * G, values, static_cast<std::size_t>(count * G) * sizeof(T));
  }
  for (Index i = n; i < ahead.n; ++i) write_row(ahead, i, d);
}

template <class T>
std::int32_t nearest_sparse(const T* value, const std::int32_t* column, Index stored, const T* transposed,
                            const T* start, Index stride) {
  using V = Vec<T>;
  constexpr int N = group_vectors<T>;
  constexpr int W = lanes_of<T>;
  constexpr int G = group_lanes<T>;
  T best = std::numeric_limits<T>::infinity();
  std::int32_t label = 0;
  for (Index at = 0; at < stride; at += G) {
    V sum[N];
    for (int v = 0; v < N; ++v) sum[v] = load<V>(start + at + v * W);
    for (Index p = 0; p < stored; ++p) {
      const T* centers = transposed + static_cast<Index>(column[p]) * stride + at;
      const V x = broadcast<V>(value[p]);
      for (int v = 0; v < N; ++v) sum[v] = sum[v] - x * load<V>(centers + v * W);
    }
    alignas(64) T values[G];
    for (int v = 0; v < N; ++v) store(values + v * W, sum[v]);
    for (int i = 0; i < G; ++i)
      if (values[i] < best) {
        best = values[i];
        label = static_cast<std::int32_t>(at + i);
      }
  }
  return label;
}

// Distances of one row to C candidates: the row is read once.
template <class V, class T>
SHOAL_INLINE auto leaves_open(V bound, V upper, V slack) {
  return !((bound - upper) * (bound + upper) > slack);
}

template <class V, class T>
SHOAL_INLINE V moved(V bound, T move) {
  constexpr T shrink = 1 - 4 * std::numeric_limits<T>::epsilon();
  return maximum((bound - broadcast<V>(move)) * broadcast<V>(shrink), V{});
}

template <class T>
void drift(T* bounds, const T* moves, Index n_bounds, const T* upper, Index n, T slack_scale, T slack_shift,
           std::uint8_t* open) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  Index i = 0;
  for (; i + W <= n; i += W) {
    const V up = load<V>(upper + i);
    const V slack = broadcast<V>(slack_scale) * (up + broadcast<V>(slack_shift));
    V found{};
    for (Index b = 0; b < n_bounds; ++b) {
      const V bound = moved<V, T>(load<V>(bounds + b * n + i), moves[b]);
      store(bounds + b * n + i, bound);
      found = select(leaves_open<V, T>(bound, up, slack), broadcast<V>(T{1}), found);
    }
    for (int l = 0; l < W; ++l) open[i + l] = lane<T>(found, l) > 0;
  }
  for (; i < n; ++i) {
    const T slack = slack_scale * (upper[i] + slack_shift);
    bool found = false;
    for (Index b = 0; b < n_bounds; ++b) {
      T& bound = bounds[b * n + i];
      bound = moved<T, T>(bound, moves[b]);
      found |= leaves_open<T, T>(bound, upper[i], slack);
    }
    open[i] = found;
  }
}

template <class T>
Index list_open(const T* bounds, Index n_bounds, const T* upper, Index n, T slack_scale, T slack_shift,
                const std::uint8_t* open, std::int32_t* list) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  Index count = 0;
  const auto append = [&](Index i, bool found) {
    list[count] = static_cast<std::int32_t>(i);
    count += found && open[i];
  };
  Index i = 0;
  for (; i + W <= n; i += W) {
    const V up = load<V>(upper + i);
    const V slack = broadcast<V>(slack_scale) * (up + broadcast<V>(slack_shift));
    V found{};
    for (Index b = 0; b < n_bounds; ++b)
      found = select(leaves_open<V, T>(load<V>(bounds + b * n + i), up, slack), broadcast<V>(T{1}), found);
    if (!any(found > V{})) continue;
    for (int l = 0; l < W; ++l) append(i + l, lane<T>(found, l) > 0);
  }
  for (; i < n; ++i) {
    const T slack = slack_scale * (upper[i] + slack_shift);
    bool found = false;
    for (Index b = 0; b < n_bounds; ++b) found |= leaves_open<T, T>(bounds[b * n + i], upper[i], slack);
    append(i, found);
  }
  return count;
}

template <class T>
inline constexpr centroid::CentroidKernels<T> table = {group_lanes<T>,   shift_rows<T>,     add_row<T>, add_moments<T>,
                                                       best_of_group<T>, nearest_sparse<T>, drift<T>,   list_open<T>};

}  // namespace

const centroid::CentroidKernels<float>& centroid_f32() {
  return table<float>;
}
const centroid::CentroidKernels<double>& centroid_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
