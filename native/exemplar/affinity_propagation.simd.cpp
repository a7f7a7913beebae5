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

template <class T, int W>
SHOAL_INLINE void look(const Row<T>& row, Index at, Two<T, W>& two) {
  using V = Vec<T, W>;
  const IntVec<T, W> place = lane_numbers<T, W>() + broadcast<IntVec<T, W>>(static_cast<Int<T>>(at));
  two.see(load<V>(row.a + at) + load<V>(row.s + at), place);
}

template <class T>
Index update(const Row<T>& row, T damping, T rest, std::int32_t* positive) {
  constexpr int W = lanes_of<T>;
  using V = Vec<T>;
  const Index whole = row.n / W * W;
  Two<T, W> two;
  Index at = 0;
  for (; at < whole; at += W) look<T, W>(row, at, two);
  Best<T> best;
  if (whole) best.add(two);
  Two<T, 1> last;
  for (; at < row.n; ++at) look<T, 1>(row, at, last);
  if (whole < row.n) best.add(last);

  const T own_r = row.r[best.place] * damping + (row.s[best.place] - best.second) * rest;
  const auto own_at = static_cast<Index>(best.place);
  Index count = 0;
  const auto note = [&](Index k, T r) {
    if (k == own_at) r = own_r;
    if (r > T{0}) positive[count++] = static_cast<std::int32_t>(k);
  };
  for (at = 0; at < whole; at += W) {
    const V r = load<V>(row.r + at) * damping + (load<V>(row.s + at) - best.first) * rest;
    store(row.r + at, r);
    const bool own_here = own_at >= at && own_at < at + W;
    if (mask_bits<T>(r > V{}) != 0 || own_here)
      for (int l = 0; l < W; ++l) note(at + l, lane<T>(r, l));
  }
  for (; at < row.n; ++at) {
    row.r[at] = row.r[at] * damping + (row.s[at] - best.first) * rest;
    note(at, row.r[at]);
  }
  row.r[own_at] = own_r;
  return count;
}

constexpr exemplar::MessageTable table = {{update<float>}, {update<double>}};

}  // namespace

const exemplar::MessageTable& message_table() {
  return table;
}

}  // namespace shoal::SHOAL_LEVEL
