// The distance tile on vector types; see tile.hpp for what it computes and promises.
#include <algorithm>
#include <limits>

#include "distance/levels.hpp"
#include "distance/tile.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using distance::Form;
using distance::PackedRows;
using distance::Samples;

// Tile shape, tuned per level: rows x vectors accumulators, the panel's vectors and one broadcast must fit the
// registers; eight or more accumulators hide the latency of a multiply-add.
template <class T>
inline constexpr int n_vectors = vector_bytes == 0 ? 4 : 2;
template <class T>
inline constexpr int panel_lanes = n_vectors<T> * lanes_of<T>;
template <class T>
inline constexpr int tile_rows = vector_bytes == 64  ? 12
                                 : vector_bytes == 0 ? 4
                                                     : 6;

// Packed rows beyond this many bytes are walked in chunks, each used by several panels while it is in cache.
inline constexpr Index chunk_bytes = Index{1} << 17;
inline constexpr int panels_per_chunk = 8;

// --- packing ------------------------------------------------------------------------------------------------

template <class T>
SHOAL_INLINE const T* row_of(const Samples<T>& s, Index i) {
  return s.x + (s.index ? static_cast<Index>(s.index[i]) : i) * s.n_features;
}

// Panel lanes [at, at + W) from W rows, features [p, p + W).
template <int W, class T>
SHOAL_INLINE void pack_square(const T* const (&rows)[W], Index p, const T* origin, T* panel) {
  using V = Vec<T, W>;
  V block[W];
  for (int i = 0; i < W; ++i) block[i] = load<V>(rows[i] + p);
  transpose<W>(block);
  for (int i = 0; i < W; ++i)
    store(panel + (p + i) * panel_lanes<T>, origin ? block[i] - broadcast<V>(origin[p + i]) : block[i]);
}

template <class T>
void pack_scalar(const Samples<T>& s, Index first, Index count, T* panel) {
  for (int i = 0; i < panel_lanes<T>; ++i) {
    const T* row = row_of(s, first + (i < count ? i : 0));
    for (Index p = 0; p < s.n_features; ++p) panel[p * panel_lanes<T> + i] = s.origin ? row[p] - s.origin[p] : row[p];
  }
}

// Rows of at least W features: squares of W x W, the last one overlapping the one before.
template <int W, class T>
SHOAL_INLINE void pack_wide(const Samples<T>& s, Index first, T* panel) {
  for (int at = 0; at < panel_lanes<T>; at += W) {
    const T* rows[W];
    for (int i = 0; i < W; ++i) rows[i] = row_of(s, first + at + i);
    Index p = 0;
    for (; p + W <= s.n_features; p += W) pack_square<W>(rows, p, s.origin, panel + at);
    if (p < s.n_features) pack_square<W>(rows, s.n_features - W, s.origin, panel + at);
  }
}

// Rows of fewer than W features, read W values at a time into the next row.
// Precondition: every row has W readable values.
template <int W, class T>
SHOAL_INLINE void pack_narrow(const Samples<T>& s, Index first, T* panel) {
  using V = Vec<T, W>;
  for (int at = 0; at < panel_lanes<T>; at += W) {
    V block[W];
    for (int i = 0; i < W; ++i) block[i] = load<V>(row_of(s, first + at + i));
    transpose<W>(block);
    for (int p = 0; p < W; ++p)
      if (p < s.n_features)
        store(panel + p * panel_lanes<T> + at, s.origin ? block[p] - broadcast<V>(s.origin[p]) : block[p]);
  }
}

// Two features: consecutive samples are x0 y0 x1 y1 ...
template <class T>
SHOAL_INLINE void pack_two(const Samples<T>& s, Index first, T* panel) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  const T* p = s.x + first * 2;
  const V ox = broadcast<V>(s.origin ? s.origin[0] : T{0});
  const V oy = broadcast<V>(s.origin ? s.origin[1] : T{0});
  for (int at = 0; at < panel_lanes<T>; at += W) {
    const V a = load<V>(p + 2 * at);
    const V b = load<V>(p + 2 * at + W);
    store(panel + at, every_second<W, 0>(a, b) - ox);
    store(panel + panel_lanes<T> + at, every_second<W, 1>(a, b) - oy);
  }
}

template <class T>
SHOAL_INLINE void pack_panel(const Samples<T>& s, Index first, T* panel) {
  constexpr int W = lanes_of<T>;
  const Index count = std::min<Index>(panel_lanes<T>, s.n - first);
  if constexpr (W > 1) {
    if (count == panel_lanes<T>) {
      if (s.n_features >= W) return pack_wide<W>(s, first, panel);
      if (s.n_features == 2 && !s.index) return pack_two(s, first, panel);
      const bool readable = !s.index && s.x + (first + count - 1) * s.n_features + W <= s.x_end;
      if constexpr (W >= 16)
        if (s.n_features >= 8) return pack_wide<8>(s, first, panel);
      if constexpr (W >= 8)
        if (s.n_features >= 4 && s.n_features % 4 == 0) return pack_wide<4>(s, first, panel);
      if constexpr (W >= 8)
        if (s.n_features > 4 && readable) return pack_narrow<8>(s, first, panel);
      if constexpr (W >= 4)
        if (s.n_features > 2 && s.n_features <= 4 && readable) return pack_narrow<4>(s, first, panel);
    }
  }
  pack_scalar(s, first, count, panel);
}

template <class T>
void pack(const Samples<T>& s, T* panels) {
  for (Index first = 0; first < s.n; first += panel_lanes<T>) {
    pack_panel(s, first, panels);
    panels += panel_lanes<T> * s.n_features;
  }
}

// --- the tile -----------------------------------------------------------------------------------------------

template <Form F, class V>
SHOAL_INLINE V step(V sum, V x, V y) {
  if constexpr (F == Form::expanded) return sum - x * y;
  if constexpr (F == Form::manhattan) return sum + absolute(x - y);
  if constexpr (F == Form::chebyshev) return maximum(sum, absolute(x - y));
  const V difference = x - y;
  return sum + difference * difference;
}

template <class T, int R>
struct Tile {
  using V = Vec<T>;
  V sum[R][n_vectors<T>];
};

// Accumulates R rows against one panel over all features.
template <Form F, int R, class T>
SHOAL_INLINE void accumulate(Tile<T, R>& tile, const T* panel, const T* rows, const T* start, Index n_features) {
  using V = Vec<T>;
  constexpr int N = n_vectors<T>;
  constexpr int W = lanes_of<T>;
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < N; ++v) tile.sum[r][v] = broadcast<V>(start[r]);
  for (Index p = 0; p < n_features; ++p) {
    V x[N];
    for (int v = 0; v < N; ++v) x[v] = load<V>(panel + v * W);
    for (int r = 0; r < R; ++r) {
      const V y = broadcast<V>(rows[r]);
      for (int v = 0; v < N; ++v) tile.sum[r][v] = step<F>(tile.sum[r][v], x[v], y);
    }
    panel += panel_lanes<T>;
    rows += R;
  }
}

// Calls body(tile, first row) for groups [begin, end) against one panel.
template <Form F, class T, class Body>
SHOAL_INLINE void for_groups(const PackedRows<T>& rows, const T* panel, Index begin, Index end, Body&& body) {
  const Index* firsts = rows.first.data();
  for (Index g = begin; g < end; ++g) {
    const Index first = firsts[g];
    const int size = static_cast<int>(firsts[g + 1] - first);
    with_constant<tile_rows<T>>(size, [&](auto constant) {
      constexpr int R = constant;
      Tile<T, R> tile;
      accumulate<F, R>(tile, panel, rows.data.data() + first * rows.n_features, rows.start.data() + first,
                       rows.n_features);
      body(tile, first);
    });
  }
}

// Asks for the lines of [p, end) that are due by step `at` of `steps`: the next panel's samples arrive while this
// panel is worked on, a few lines per group, so that the requests never outrun the memory.
template <class T>
SHOAL_INLINE void prefetch_share(const T* p, const T* end, Index at, Index steps) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  const Index lines = (end - p + line - 1) / line;
  for (Index i = lines * at / steps; i < lines * (at + 1) / steps; ++i) __builtin_prefetch(p + i * line, 0, 2);
}

// --- nearest ------------------------------------------------------------------------------------------------

template <class T, bool Second>
struct Nearest {
  using V = Vec<T>;
  using I = IntVec<T>;
  V best[n_vectors<T>];
  V second[Second ? n_vectors<T> : 1];
  I label[n_vectors<T>];

  SHOAL_INLINE void clear() {
    for (int v = 0; v < n_vectors<T>; ++v) {
      best[v] = broadcast<V>(std::numeric_limits<T>::infinity());
      label[v] = I{};
      if constexpr (Second) second[v] = best[v];
    }
  }
  template <int R>
  SHOAL_INLINE void take(const Tile<T, R>& tile, Index first) {
    for (int r = 0; r < R; ++r) {
      const I row = broadcast<I>(static_cast<Int<T>>(first + r));
      for (int v = 0; v < n_vectors<T>; ++v) {
        const V value = tile.sum[r][v];
        const auto nearer = value < best[v];
        if constexpr (Second) second[v] = minimum(second[v], maximum(value, best[v]));
        label[v] = select(nearer, row, label[v]);
        best[v] = minimum(value, best[v]);
      }
    }
  }
  SHOAL_INLINE void write(Index count, std::int32_t* labels, T* values, T* seconds) const {
    for (int i = 0; i < count; ++i) {
      constexpr int W = lanes_of<T>;
      labels[i] = static_cast<std::int32_t>(lane<Int<T>>(label[i / W], i % W));
      values[i] = lane<T>(best[i / W], i % W);
      if constexpr (Second) seconds[i] = lane<T>(second[i / W], i % W);
    }
  }
};

template <bool Second, class T>
void nearest_of(const Samples<T>& s, const PackedRows<T>& rows, std::int32_t* label, T* value, T* second, T* scratch) {
  const Index groups = rows.n_groups();
  const Index group_bytes = std::max<Index>(1, rows.max_rows * rows.n_features * static_cast<Index>(sizeof(T)));
  const Index chunk = groups * group_bytes <= 2 * chunk_bytes ? groups : std::max<Index>(1, chunk_bytes / group_bytes);
  const Index panels = chunk == groups ? 1 : panels_per_chunk;
  for (Index first = 0; first < s.n; first += panels * panel_lanes<T>) {
    const Samples<T> here = s.slice(first, std::min(s.n, first + panels * panel_lanes<T>));
    pack(here, scratch);
    Nearest<T, Second> state[panels_per_chunk];
    for (Index p = 0; p < panels; ++p) state[p].clear();
    for (Index g = 0; g < groups; g += chunk) {
      const T* panel = scratch;
      for (Index p = 0; p * panel_lanes<T> < here.n; ++p, panel += panel_lanes<T> * s.n_features) {
        Nearest<T, Second> local = state[p];
        const Index next = first + (p + 1) * panel_lanes<T>;
        const T* ahead = s.index || next >= s.n ? nullptr : s.x + next * s.n_features;
        const T* ahead_end = ahead ? s.x + std::min(s.n, next + panel_lanes<T>) * s.n_features : nullptr;
        Index at = g;
        for_groups<Form::expanded>(rows, panel, g, std::min(groups, g + chunk), [&](const auto& tile, Index row) {
          local.take(tile, row);
          if (chunk == groups && ahead) prefetch_share(ahead, ahead_end, at++, groups);
        });
        state[p] = local;
      }
    }
    for (Index p = 0; p * panel_lanes<T> < here.n; ++p) {
      const Index at = first + p * panel_lanes<T>;
      state[p].write(std::min<Index>(panel_lanes<T>, s.n - at), label + at, value + at, Second ? second + at : nullptr);
    }
  }
}

template <class T>
void nearest(const Samples<T>& s, const PackedRows<T>& rows, std::int32_t* label, T* value, T* second, T* scratch) {
  if (second)
    nearest_of<true>(s, rows, label, value, second, scratch);
  else
    nearest_of<false>(s, rows, label, value, second, scratch);
}

template <class T>
Index scratch_size(Index n_features) {
  return panels_per_chunk * panel_lanes<T> * n_features;
}

// --- the other epilogues ------------------------------------------------------------------------------------

// One group against one panel, written out as R rows of panel_lanes values: the epilogues below are not as hot as
// nearest, and one compiled tile per form and group size serves them all.
template <Form F, class T>
void group_values(int R, const T* panel, const T* rows, const T* start, Index n_features, T* out) {
  with_constant<tile_rows<T>>(R, [&](auto constant) {
    Tile<T, constant()> tile;
    accumulate<F, constant()>(tile, panel, rows, start, n_features);
    for (int r = 0; r < constant(); ++r)
      for (int v = 0; v < n_vectors<T>; ++v) store(out + r * panel_lanes<T> + v * lanes_of<T>, tile.sum[r][v]);
  });
}

template <class T>
auto values_of(Form form) -> void (*)(int, const T*, const T*, const T*, Index, T*) {
  switch (form) {
    case Form::sq_euclidean:
      return group_values<Form::sq_euclidean, T>;
    case Form::manhattan:
      return group_values<Form::manhattan, T>;
    case Form::chebyshev:
      return group_values<Form::chebyshev, T>;
    default:
      return group_values<Form::expanded, T>;
  }
}

// Calls body(values, n rows, first row, first sample, n samples) for every panel and group.
template <class T, class Body>
SHOAL_INLINE void for_tiles(Form form, const Samples<T>& s, const PackedRows<T>& rows, T* scratch, Body&& body) {
  const auto fill = values_of<T>(form);
  alignas(64) T values[tile_rows<T> * panel_lanes<T>];
  const Index* firsts = rows.first.data();
  for (Index first = 0; first < s.n; first += panel_lanes<T>) {
    const Index count = std::min<Index>(panel_lanes<T>, s.n - first);
    pack(s.slice(first, first + count), scratch);
    for (Index g = 0; g < rows.n_groups(); ++g) {
      const Index row = firsts[g];
      const int size = static_cast<int>(firsts[g + 1] - row);
      fill(size, scratch, rows.data.data() + row * rows.n_features, rows.start.data() + row, rows.n_features, values);
      body(static_cast<const T*>(values), size, row, first, count);
    }
  }
}

template <class T>
void pairwise(Form form, const Samples<T>& s, const PackedRows<T>& rows, T* out, Index out_stride, T* scratch) {
  for_tiles(form, s, rows, scratch, [&](const T* values, int n_rows, Index row, Index first, Index count) {
    for (int r = 0; r < n_rows; ++r) {
      T* to = out + (row + r) * out_stride + first;
      if (count == panel_lanes<T>)
        std::memcpy(to, values + r * panel_lanes<T>, sizeof(T) * panel_lanes<T>);
      else
        std::memcpy(to, values + r * panel_lanes<T>, sizeof(T) * static_cast<std::size_t>(count));
    }
  });
}

template <class T>
void count_within(Form form, const Samples<T>& s, const PackedRows<T>& rows, T radius, const T* weight, double* count,
                  T* scratch) {
  for_tiles(form, s, rows, scratch, [&](const T* values, int n_rows, Index row, Index first, Index n) {
    T sum[panel_lanes<T>] = {};
    for (int r = 0; r < n_rows; ++r) {
      const T w = weight ? weight[row + r] : T{1};
      for (int i = 0; i < panel_lanes<T>; ++i) sum[i] += values[r * panel_lanes<T> + i] <= radius ? w : T{0};
    }
    for (Index i = 0; i < n; ++i) count[first + i] += static_cast<double>(sum[i]);
  });
}

// Adds value(r, v) of a tile to along[r], weighted by lane, and to out[lane], weighted by row (1 when null).
template <class T, class Size, class Value>
SHOAL_INLINE void add_tile(Size n_rows, Value&& value, const T* sample_weight, const T* row_weight, Vec<T>* along,
                           double* out) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  alignas(64) T across[panel_lanes<T>];
  for (int v = 0; v < n_vectors<T>; ++v) {
    const V weight = sample_weight ? load<V>(sample_weight + v * W) : V{};
    V total{};
    for (int r = 0; r < n_rows; ++r) {
      const V term = value(r, v);
      along[r] += term * weight;
      total += row_weight ? term * broadcast<V>(row_weight[r]) : term;
    }
    store(across + v * W, total);
  }
  for (int i = 0; i < panel_lanes<T>; ++i) out[i] += static_cast<double>(across[i]);
}

template <class T>
void sum(Form form, bool root, const T* panels, Index n_panels, const T* sample_weight, const PackedRows<T>& rows,
         Index begin, Index end, const T* row_weight, double* sample_sum, double* row_sum) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  const auto fill = values_of<T>(form);
  alignas(64) T values[tile_rows<T> * panel_lanes<T>];
  const Index* firsts = rows.first.data();
  for (Index g = begin; g < end; ++g) {
    const Index first = firsts[g];
    const int size = static_cast<int>(firsts[g + 1] - first);
    const T* weight = row_weight ? row_weight + first : nullptr;
    V along[tile_rows<T>];  // per row: the sums over lanes, still spread over a vector
    for (V& row : along) row = V{};
    for (Index p = 0; p < n_panels; ++p) {
      const T* panel = panels + p * panel_lanes<T> * rows.n_features;
      const T* lanes = sample_weight ? sample_weight + p * panel_lanes<T> : nullptr;
      double* out = sample_sum + p * panel_lanes<T>;
      if (root && form == Form::sq_euclidean) {
        // the hot one: roots are taken in the registers of the tile
        for_groups<Form::sq_euclidean>(rows, panel, g, g + 1, [&]<int R>(const Tile<T, R>& tile, Index) {
          const auto value = [&](int r, int v) { return square_root(tile.sum[r][v]); };
          add_tile<T>(std::integral_constant<int, R>{}, value, lanes, weight, along, out);
        });
      } else {
        fill(size, panel, rows.data.data() + first * rows.n_features, rows.start.data() + first, rows.n_features,
             values);
        const auto value = [&](int r, int v) {
          const V term = load<V>(values + r * panel_lanes<T> + v * W);
          return root ? square_root(term) : term;
        };
        add_tile<T>(size, value, lanes, weight, along, out);
      }
    }
    if (row_sum)
      for (int r = 0; r < size; ++r) {
        double total = 0;
        for (int i = 0; i < W; ++i) total += static_cast<double>(lane<T>(along[r], i));
        row_sum[first - firsts[begin] + r] += total;
      }
  }
}

template <class T>
void k_smallest(Form form, const Samples<T>& s, const PackedRows<T>& rows, std::int32_t first_index, Index k, T* values,
                std::int32_t* indices, T* scratch) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  alignas(64) T worst[panel_lanes<T>];
  for_tiles(form, s, rows, scratch, [&](const T* tile, int n_rows, Index row, Index first, Index count) {
    if (row == 0)
      for (int i = 0; i < panel_lanes<T>; ++i)
        worst[i] = i < count ? values[(first + i) * k + k - 1] : -std::numeric_limits<T>::infinity();
    for (int r = 0; r < n_rows; ++r)
      for (int at = 0; at < panel_lanes<T>; at += W) {
        const T* lanes = tile + r * panel_lanes<T> + at;
        if (!any(load<V>(lanes) < load<V>(worst + at))) continue;
        for (int i = at; i < at + W; ++i) {
          const T value = lanes[i - at];
          if (!(value < worst[i])) continue;
          T* list = values + (first + i) * k;
          std::int32_t* names = indices + (first + i) * k;
          Index place = k - 1;
          for (; place > 0 && value < list[place - 1]; --place) {
            list[place] = list[place - 1];
            names[place] = names[place - 1];
          }
          list[place] = value;
          names[place] = first_index + static_cast<std::int32_t>(row + r);
          worst[i] = list[k - 1];
        }
      }
  });
}

// --- one pair -------------------------------------------------------------------------------------------------

template <class T>
T sq_dist(const T* a, const T* b, Index d) {
  using V = Vec<T>;
  constexpr int W = lanes_of<T>;
  V sum[2]{};
  Index p = 0;
  for (; p + 2 * W <= d; p += 2 * W)
    for (int u = 0; u < 2; ++u) {
      const V difference = load<V>(a + p + u * W) - load<V>(b + p + u * W);
      sum[u] += difference * difference;
    }
  T total = sum_lanes<T>(sum[0] + sum[1]);
  for (; p < d; ++p) total += (a[p] - b[p]) * (a[p] - b[p]);
  return total;
}

template <class T>
inline constexpr distance::TileKernels<T> table = {
    panel_lanes<T>, tile_rows<T>,    pack<T>, nearest<T>,    scratch_size<T>,
    pairwise<T>,    count_within<T>, sum<T>,  k_smallest<T>, sq_dist<T>,
};

}  // namespace

const distance::TileKernels<float>& tile_f32() {
  return table<float>;
}
const distance::TileKernels<double>& tile_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
