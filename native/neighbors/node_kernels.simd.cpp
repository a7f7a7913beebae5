#include "neighbors/node_kernels.hpp"

#include "neighbors/levels.hpp"
#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using neighbors::fanout;
using neighbors::Metric;

template <class T>
SHOAL_INLINE T power(T base, T p) {
  if constexpr (sizeof(T) == 4)
    return __builtin_powf(base, p);
  else
    return __builtin_pow(base, p);
}

// Adds a feature's difference (not negative unless it is squared) to the sum.
template <class T, Metric M, int W>
SHOAL_INLINE Vec<T, W> add(Vec<T, W> sum, Vec<T, W> difference, T p) {
  if constexpr (M == Metric::euclidean) {
    return sum + difference * difference;
  } else if constexpr (M == Metric::manhattan) {
    return sum + difference;
  } else if constexpr (M == Metric::chebyshev) {
    return maximum(sum, difference);
  } else if constexpr (W == 1) {
    return sum + power<T>(difference, p);
  } else {
    for (int i = 0; i < W; ++i) difference[i] = power<T>(difference[i], p);
    return sum + difference;
  }
}

// Widens a bound made of powers, which need not round monotonely.
template <class T, Metric M>
inline constexpr T slack = M == Metric::minkowski ? 16 * std::numeric_limits<T>::epsilon() : T{0};

template <class T>
inline constexpr int box_lanes = lanes_of<T> < fanout ? lanes_of<T> : fanout;

template <class T, Metric M, int D>
std::uint32_t near(const T* boxes, const T* query, Index n_features, T p, T bound, T* out) {
  constexpr int W = box_lanes<T>;
  using V = Vec<T, W>;
  const Index d = D ? D : n_features;
  std::uint32_t mask = 0;
  for (int at = 0; at < fanout; at += W) {
    V sum{};
    for (Index f = 0; f < d; ++f) {
      const V x = broadcast<V>(query[f]);
      const V below = load<V>(boxes + 2 * f * fanout + at) - x;
      const V above = x - load<V>(boxes + (2 * f + 1) * fanout + at);
      sum = add<T, M, W>(sum, maximum(maximum(below, above), V{}), p);
    }
    if constexpr (slack<T, M> > 0) sum *= broadcast<V>(1 - slack<T, M>);
    store(out + at, sum);
    mask |= mask_bits<T>(sum <= broadcast<V>(bound)) << at;
  }
  return mask;
}

template <class T, Metric M, int D>
void far(const T* boxes, const T* query, Index n_features, T p, T* out) {
  constexpr int W = box_lanes<T>;
  using V = Vec<T, W>;
  const Index d = D ? D : n_features;
  for (int at = 0; at < fanout; at += W) {
    V sum{};
    for (Index f = 0; f < d; ++f) {
      const V x = broadcast<V>(query[f]);
      const V from_low = x - load<V>(boxes + 2 * f * fanout + at);
      const V from_high = load<V>(boxes + (2 * f + 1) * fanout + at) - x;
      // an empty box has its bounds the wrong way round, and no difference is negative
      sum = add<T, M, W>(sum, maximum(maximum(from_low, from_high), V{}), p);
    }
    if constexpr (slack<T, M> > 0) sum *= broadcast<V>(1 + slack<T, M>);
    store(out + at, sum);
  }
}

// From this many features on, a leaf is given up as soon as no point can be within the bound.
inline constexpr Index features_between_looks = 8;

template <class T, Metric M, int D>
std::uint64_t leaf(const T* points, Index leaf_size, const T* query, Index n_features, T p, T bound, T* out) {
  constexpr int W = lanes_of<T>;
  // vectors side by side: their sums hide each other's latency
  constexpr int U = W >= neighbors::leaf_multiple      ? 1
                    : neighbors::leaf_multiple / W < 4 ? neighbors::leaf_multiple / W
                                                       : 4;
  using V = Vec<T>;
  const Index d = D ? D : n_features;
  const V most = broadcast<V>(bound);
  std::uint64_t mask = 0;
  for (Index first = 0; first < leaf_size; first += U * W) {
    V sum[U]{};
    const auto add_features = [&](Index begin, Index end) {
      for (Index f = begin; f < end; ++f) {
        const V x = broadcast<V>(query[f]);
        const T* column = points + f * leaf_size + first;
        for (int u = 0; u < U; ++u) {
          V difference = load<V>(column + u * W) - x;
          if constexpr (M != Metric::euclidean) difference = absolute(difference);
          sum[u] = add<T, M, W>(sum[u], difference, p);
        }
      }
    };
    bool given_up = false;
    if constexpr (D != 0) {
      add_features(0, d);
    } else {
      for (Index begin = 0; begin < d && !given_up; begin += features_between_looks) {
        const Index end = begin + features_between_looks < d ? begin + features_between_looks : d;
        add_features(begin, end);
        if (end == d) break;
        std::uint32_t alive = 0;
        for (int u = 0; u < U; ++u) alive |= mask_bits<T>(sum[u] <= most);
        given_up = alive == 0;
      }
    }
    if (given_up) continue;
    for (int u = 0; u < U; ++u) {
      store(out + first + u * W, sum[u]);
      mask |= static_cast<std::uint64_t>(mask_bits<T>(sum[u] <= most)) << (first + u * W);
    }
  }
  return mask;
}

// Lists longer than this many vectors are not kept in registers.
inline constexpr int most_vectors = 4;

// {before's last lane, all lanes of v but the last}
template <class V, int... I>
SHOAL_INLINE V shifted(V before, V v, std::integer_sequence<int, I...>) {
  constexpr int W = sizeof...(I);
  return detail::shuffle(before, v, std::integer_sequence<int, (W - 1 + I)...>{});
}

template <class T, int R>
void insert_into(T* distances, Int<T>* rows, std::uint64_t mask, const T* distance, const std::int32_t* row) {
  if constexpr (lanes_of<T> > 1) {
    constexpr int W = lanes_of<T>;
    constexpr auto lanes = std::make_integer_sequence<int, W>{};
    using V = Vec<T>;
    using I = IntVec<T>;
    V list[R];
    I names[R];
    for (int r = 0; r < R; ++r) {
      list[r] = load<V>(distances + r * W);
      names[r] = load<I>(rows + r * W);
    }
    for (; mask; mask &= mask - 1) {
      const int i = __builtin_ctzll(mask);
      const V x = broadcast<V>(distance[i]);
      const I name = broadcast<I>(static_cast<Int<T>>(row[i]));
      // what x comes before moves one place up; x takes the first such place
      V values_before = x;
      I names_before = name;
      I moved_before = I{};
      for (int r = 0; r < R; ++r) {
        const V value = list[r];
        const I own = names[r];
        const I moves = (x < value) | ((x == value) & (name < own));
        const I below_moves = shifted(moved_before, moves, lanes);
        list[r] = select(moves, select(below_moves, shifted(values_before, value, lanes), x), value);
        names[r] = select(moves, select(below_moves, shifted(names_before, own, lanes), name), own);
        values_before = value;
        names_before = own;
        moved_before = moves;
      }
    }
    for (int r = 0; r < R; ++r) {
      store(distances + r * W, list[r]);
      store(rows + r * W, names[r]);
    }
  }
}

// Leaves up to this size are ranked as a whole: a comparison of all with all, for the first leaf of a query.
inline constexpr Index most_ranked = 32;

template <class T, int R>
void rank(Index most, std::uint64_t mask, const T* distance, const std::int32_t* row, T* distances, Int<T>* rows) {
  if constexpr (lanes_of<T> > 1) {
    constexpr int W = lanes_of<T>;
    using V = Vec<T>;
    using I = IntVec<T>;
    alignas(64) T value[R * W];
    alignas(64) Int<T> place[R * W];
    for (int i = 0; i < R * W; ++i) {
      value[i] = mask >> i & 1 ? distance[i] : std::numeric_limits<T>::infinity();
      place[i] = i;
    }
    V own[R];
    I index[R], before[R]{};
    for (int r = 0; r < R; ++r) {
      own[r] = load<V>(value + r * W);
      index[r] = load<I>(place + r * W);
    }
    for (int j = 0; j < R * W; ++j) {
      const V other = broadcast<V>(value[j]);
      const I number = broadcast<I>(static_cast<Int<T>>(j));
      for (int r = 0; r < R; ++r) before[r] -= (other < own[r]) | ((other == own[r]) & (number < index[r]));
    }
    for (int r = 0; r < R; ++r) store(place + r * W, before[r]);
    for (int i = 0; i < R * W; ++i) {
      if (place[i] >= most) continue;
      distances[place[i]] = value[i];
      rows[place[i]] = mask >> i & 1 ? row[i] : neighbors::no_row;
    }
  }
}

template <class T>
void insert(T* distances, Int<T>* rows, Index most, std::uint64_t mask, Index leaf_size, const T* distance,
            const std::int32_t* row) {
  if (rows[0] == neighbors::no_row && leaf_size <= most_ranked) {
    if constexpr (lanes_of<T> > 1) {
      if (leaf_size == 16)
        rank<T, 16 / lanes_of<T>>(most, mask, distance, row, distances, rows);
      else
        rank<T, 32 / lanes_of<T>>(most, mask, distance, row, distances, rows);
    }
    return;
  }
  with_constant<most_vectors>(static_cast<int>(most / lanes_of<T>), [&](auto vectors) {
    insert_into<T, decltype(vectors)::value>(distances, rows, mask, distance, row);
  });
}

template <class T>
inline constexpr Index longest_list = lanes_of<T> > 1 ? most_vectors * lanes_of<T> : 0;

template <class T, Metric M, int D>
inline constexpr neighbors::NodeOps<T> ops_of = {near<T, M, D>, far<T, M, D>, leaf<T, M, D>,
                                                 insert<T>,     lanes_of<T>,  longest_list<T>};

template <class T>
neighbors::NodeOps<T> ops(Metric metric, Index n_features) {
  switch (metric) {
    case Metric::manhattan:
      return ops_of<T, Metric::manhattan, 0>;
    case Metric::chebyshev:
      return ops_of<T, Metric::chebyshev, 0>;
    case Metric::minkowski:
      return ops_of<T, Metric::minkowski, 0>;
    default:
      break;
  }
  switch (n_features) {
    case 2:
      return ops_of<T, Metric::euclidean, 2>;
    case 3:
      return ops_of<T, Metric::euclidean, 3>;
    case 4:
      return ops_of<T, Metric::euclidean, 4>;
    default:
      return ops_of<T, Metric::euclidean, 0>;
  }
}

template <class T>
std::uint32_t overlap(const T* boxes, const T* low, const T* high, Index n_features, std::uint32_t* inside) {
  constexpr int W = box_lanes<T>;
  using V = Vec<T, W>;
  std::uint32_t touched = 0;
  std::uint32_t covered = 0;
  for (int at = 0; at < fanout; at += W) {
    auto meets = V{} == V{};
    auto lies_in = meets;
    for (Index f = 0; f < n_features; ++f) {
      const V box_low = load<V>(boxes + 2 * f * fanout + at);
      const V box_high = load<V>(boxes + (2 * f + 1) * fanout + at);
      const V from = broadcast<V>(low[f]);
      const V to = broadcast<V>(high[f]);
      meets = meets & (box_low <= to) & (box_high >= from);
      lies_in = lies_in & (box_low >= from) & (box_high <= to);
    }
    touched |= mask_bits<T>(meets) << at;
    covered |= mask_bits<T>(lies_in) << at;
  }
  *inside = covered;
  return touched;
}

template <class T>
std::uint64_t leaf_in_box(const T* points, Index leaf_size, const T* low, const T* high, Index n_features) {
  constexpr int W = lanes_of<T>;
  using V = Vec<T>;
  std::uint64_t mask = 0;
  for (Index first = 0; first < leaf_size; first += W) {
    auto in = V{} == V{};
    for (Index f = 0; f < n_features; ++f) {
      const V x = load<V>(points + f * leaf_size + first);
      in = in & (x >= broadcast<V>(low[f])) & (x <= broadcast<V>(high[f]));
    }
    mask |= static_cast<std::uint64_t>(mask_bits<T>(in)) << first;
  }
  return mask;
}

template <class T>
inline constexpr neighbors::NodeKernels<T> table = {{overlap<T>, leaf_in_box<T>}, ops<T>};

}  // namespace

const neighbors::NodeKernels<float>& nodes_f32() {
  return table<float>;
}
const neighbors::NodeKernels<double>& nodes_f64() {
  return table<double>;
}

}  // namespace shoal::SHOAL_LEVEL
