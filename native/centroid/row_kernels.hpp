// What is computed of single rows: hashes for the starts, and the centre that is nearest beyond doubt for the
// assignment.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "centroid/rows.hpp"
#include "parallel/run.hpp"
#include "simd/inline.hpp"

namespace shoal::centroid {

/// What the least two v of a sample must differ by to prove which centre is nearest; see Proof. The second tier is
/// without the centres far from all others.
template <class T>
struct ProofLimits {
  struct Tier {
    T scale = 0;
    T c_max = 0;
    T floor = 0;

    template <class V>
    SHOAL_INLINE V needed(V norm) const {
      return scale * (norm + c_max) + floor;
    }
  };
  Tier all, near;  // generous by two as Rounding is: the half that v need not is what comparing distances may lose
  // Samples no further from the origin than this, with a least v below that, are much nearer to it than a far centre
  // to either: |c| >= 8 |x| makes v(c) >= 3/8 |c|^2, and the least v is below a quarter of that.
  T most_norm = std::numeric_limits<T>::infinity();
  T most_value = std::numeric_limits<T>::infinity();

  SHOAL_INLINE bool proven(T norm, T value, T second) const {
    const bool without_far = norm <= most_norm && value < most_value;
    return 2 * (second - value) > (without_far ? near : all).needed(norm);
  }
};

template <class T>
struct RowKernels {
  /// out[i] = hash of row i; keys[p] = hash_key(p).
  void (*hash_rows)(const T* x, Index n, Index n_features, const std::uint64_t* keys, std::uint64_t* out);

  /// out[i] >= |row i - origin|, but for rounding equal; no origin is zero.
  void (*norms)(const T* x, Index n, Index n_features, const T* origin, T* out);
  /// list[0..) = the numbers of samples for which nothing is proven; returns how many. norms[i] + moved, rounded up, is
  /// the norm that proven() takes.
  Index (*list_unproven)(const ProofLimits<T>& limits, const T* norms, T moved, const T* value, const T* second,
                         Index n, std::int32_t* list);
  /// The nearest centre, the smallest of equals. Two centres a < b that may both be it are compared by
  /// sum (b - a) ((x - a) + (x - b)), in double: its error is that of the distance between the two, however far x is,
  /// and whole numbers have none. Scratch: one value per centre.
  std::int32_t (*nearest)(const T* row, Points<const T> centers, T* scratch);
};

/// The table of the level in use.
template <class T>
const RowKernels<T>& row_kernels();

/// Rows::hash of every row, in one pass at the speed of memory.
template <class T>
std::vector<std::uint64_t> hash_all(const Rows<T>& x, Run& run);

}  // namespace shoal::centroid
