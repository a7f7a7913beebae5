// Messages of one row, on vector types; see affinity_propagation.hpp. Compiled without fused multiply-adds.
#include "exemplar/affinity_propagation.hpp"

#include "simd/vec.hpp"

namespace shoal::SHOAL_LEVEL {
namespace {

using exemplar::Row;

template <class T, int W>
SHOAL_INLINE IntVec<T, W> lane_numbers() {
  Int<T> number[W];
  for (int i = 0; i < W; ++i) number[i] = i;
  return load<IntVec<T, W>>(number);
}

// The largest value met so far in each lane, its place, and the next largest.
template <class T, int W>
struct Two {
  Vec<T, W> first = broadcast<Vec<T, W>>(-std::numeric_limits<T>::infinity());
  Vec<T, W> second = first;
  IntVec<T, W> place{};

  SHOAL_INLINE void see(Vec<T, W> value, IntVec<T, W> at) {
    second = maximum(second, minimum(first, value));
    place = select(value > first, at, place);
    first = maximum(first, value);
  }
};

// The same for a whole row: the first place of the largest value, and the largest value elsewhere.
template <class T>
struct Best {
  T first = -std::numeric_limits<T>::infinity();
  T second = first;
  Int<T> place = 0;

  template <int W>
  void add(const Two<T, W>& lanes) {
    for (int l = 0; l < W; ++l) {
      const T value = lane<T>(lanes.first, l), next = lane<T>(lanes.second, l);
      const Int<T> at = lane<Int<T>>(lanes.place, l);
      if (value > first || (value == first && at < place)) {
        second = maximum(second, first);
        first = value;
        place = at;
      } else {
        second = maximum(second, value);
      }
      second = maximum(second, next);
    }
  }
};

// Availabilities of W columns from `at` on; with `Diagonal` one of them is the row's own.
template <class T, int W, bool Diagonal>
SHOAL_INLINE void available(const Row<T>& row, const T* column_sum, T damping, T rest, Index at, Two<T, W>& two) {
  using V = Vec<T, W>;
  const V r = load<V>(row.r + at);
  const V sum = load<V>(column_sum + at);
  const IntVec<T, W> place = lane_numbers<T, W>() + broadcast<IntVec<T, W>>(static_cast<Int<T>>(at));
  V drop = maximum(maximum(r, V{}) - sum, V{});
  if constexpr (Diagonal) drop = select(place == broadcast<IntVec<T, W>>(static_cast<Int<T>>(row.i)), r - sum, drop);
  const V a = load<V>(row.a + at) * damping - drop * rest;
  store(row.a + at, a);
  two.see(a + load<V>(row.s + at), place);
}

template <class T>
void update(const Row<T>& row, const T* column_sum, T damping, T rest) {
  constexpr int W = lanes_of<T>;
  using V = Vec<T>;
  const Index whole = row.n / W * W;
  const Index own = row.i < whole ? row.i / W * W : whole;
  Two<T, W> two;
  Index at = 0;
  for (; at < own; at += W) available<T, W, false>(row, column_sum, damping, rest, at, two);
  if (at < whole) {
    available<T, W, true>(row, column_sum, damping, rest, at, two);
    for (at += W; at < whole; at += W) available<T, W, false>(row, column_sum, damping, rest, at, two);
  }
  Best<T> best;
  if (whole) best.add(two);
  Two<T, 1> last;
  for (; at < row.n; ++at) available<T, 1, true>(row, column_sum, damping, rest, at, last);
  if (whole < row.n) best.add(last);

  const T own_r = row.r[best.place] * damping + (row.s[best.place] - best.second) * rest;
  at = 0;
  for (; at < whole; at += W)
    store(row.r + at, load<V>(row.r + at) * damping + (load<V>(row.s + at) - best.first) * rest);
  for (; at < row.n; ++at) row.r[at] = row.r[at] * damping + (row.s[at] - best.first) * rest;
  row.r[best.place] = own_r;
}

// sum[k] += max(0, r[k]), k in [begin, end).
template <class T>
SHOAL_INLINE void add_positive(const T* r, Index begin, Index end, double* sum) {
  for (Index k = begin; k < end; ++k) sum[k] += r[k] > T{0} ? static_cast<double>(r[k]) : 0.0;
}

template <class T>
void add(const T* r, Index i, Index n, double* sum) {
  constexpr int W = lanes_of<T>, U = 4;
  using V = Vec<T>;
  const double own = sum[i] + static_cast<double>(r[i]);
  Index k = 0;
  for (; k + U * W <= n; k += U * W) {
    // few are willing: most vectors hold no positive value, and a sum stays as it is when zeros are added
    const V most =
        maximum(maximum(load<V>(r + k), load<V>(r + k + W)), maximum(load<V>(r + k + 2 * W), load<V>(r + k + 3 * W)));
    if (mask_bits<T>(most > V{}) != 0) add_positive(r, k, k + U * W, sum);
  }
  add_positive(r, k, n, sum);
  sum[i] = own;
}

constexpr exemplar::MessageTable table = {{update<float>, add<float>}, {update<double>, add<double>}};

}  // namespace

const exemplar::MessageTable& message_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
