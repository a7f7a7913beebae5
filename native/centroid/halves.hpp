// Splitting samples in two by the nearer of two centres: the inner loops of bisecting k-means.
//
// With two centres a and b, whose difference is `delta`, a sample x is nearer to b exactly when x . delta exceeds the
// product of their midpoint with delta. So a side is one product per sample, with no distance and no second centre.
// Samples come in panels (see distance/tile.hpp): `lanes` samples side by side, feature by feature, already shifted
// by an origin near them; the lanes behind the last sample are read and ignored. The product of a sample is added up
// in an order that depends on the number of features alone: it has the same bits in any lane of any panel.
#pragma once
#include <cstdint>

#include "base/points.hpp"

namespace shoal::centroid {

template <class T>
struct PanelsOf {
  const T* data = nullptr;
  Index n = 0;  // samples
  Index n_features = 0;
  Index lanes = 1;  // a multiple of the vectors' lanes

  Index padded() const { return (n + lanes - 1) / lanes * lanes; }
};

/// Sums over samples have n_features + extra_sums values: the weighted samples, their weight, how many have positive
/// weight, and (from moments() alone) their weighted squared norms.
inline constexpr Index extra_sums = 3;

/// What redecide() knows of every vector of samples, so as to leave it alone while none of them can change sides.
/// When delta changes by c, a product changes by no more than |sample| |c|. So with reach = radius * moved + shifted, a
/// vector whose products were `least` away from the threshold at one reach keeps its sides up to reach + least.
struct Margins {
  const double* radius;  // per vector: at least the norm of each of its samples
  double* until;         // per vector: the reach up to which it keeps its sides; -inf: look
  double moved;          // the changes of delta so far: sum of their norms
  double shifted;        // the changes of the threshold so far
  double rounding;       // error of the products before and after, per norm of the sample
  double underflow;      // the same where products underflow
};

template <class T>
struct HalvesKernels {
  int vector_lanes;  // samples in a vector

  /// side[i] = product of sample i > threshold, for padded() samples.
  void (*decide)(const PanelsOf<T>& x, const T* delta, T threshold, std::uint8_t* side);

  /// The same, following the sums of side 1: samples that come to it are added, those that leave it taken off.
  /// Returns how many changed sides. weight may be null; scratch has room for scratch_size(n_features) values.
  Index (*redecide)(const PanelsOf<T>& x, const T* delta, T threshold, const Margins& margins, const T* weight,
                    std::uint8_t* side, double* sums, double* scratch);
  Index (*scratch_size)(Index n_features);

  /// Adds all samples to the sums; largest[v] = the largest squared norm in vector v.
  void (*moments)(const PanelsOf<T>& x, const T* weight, double* sums, double* largest, double* scratch);

  /// Adds the samples on `which` side to the sums.
  void (*add_side)(const PanelsOf<T>& x, const T* weight, const std::uint8_t* side, std::uint8_t which, double* sums,
                   double* scratch);

  /// inertia[s] += weighted squared distances of the samples on side s to centers[s].
  void (*inertia)(const PanelsOf<T>& x, const T* const centers[2], const T* weight, const std::uint8_t* side,
                  double inertia[2]);

  /// out[i] = squared distance of sample i to the point, for padded() samples.
  void (*sq_distances)(const PanelsOf<T>& x, const T* point, T* out);
};

template <class T>
const HalvesKernels<T>& halves();

}  // namespace shoal::centroid
