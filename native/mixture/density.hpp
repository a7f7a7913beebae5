// Log densities of Gaussian components, fused: samples in panels, components in groups, everything in registers.
//
// For component c with mean m_c and upper triangular factor P_c of its precision (P_c P_c' = inverse covariance):
//   log w_c N(x; m_c, S_c) = offset_c - |(x - m_c) P_c|^2 / 2,
//   offset_c = log w_c + sum log diag P_c - d/2 log 2 pi.
// `full` takes the triangular product in registers, d (d + 1) / 2 multiply-adds per sample and component; `tied`
// whitens each sample once, then takes squared differences (d subtractions and d multiply-adds); `diag` takes 2 d
// multiply-adds, `spherical` d subtractions and d multiply-adds. All on x - origin, the origin a point amid the means,
// and as sums of squared differences: no |x|^2 - 2 x.m + |m|^2, which cancels.
//
// Memory: one panel block per thread and the packed components; never an n x d temporary per component.
// A value depends on its sample, its component and the level alone: not on block or thread. Levels differ in
// rounding. float data are worked on in float; what is added over samples is added in double per block.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::mixture {

enum class Covariance { full, tied, diag, spherical };

/// Values of `precisions_cholesky` (and of the covariances) for one type: k d d, d d, k d or k.
Index factor_size(Covariance type, Index n_components, Index n_features);

/// Components made ready for the kernels of the level in use. All coordinates are relative to `origin`.
template <class T>
struct Components {
  Covariance type = Covariance::full;
  Index n_components = 0;
  Index n_features = 0;
  /// True where |(m - origin) P| is so large that x P - m P would lose digits that matter (see pack_components):
  /// then differences from the mean come first, also in the sums of the M step.
  bool apart = false;
  AlignedVector<T> origin;
  AlignedVector<T> mean;    // n_components x n_features
  AlignedVector<T> factor;  // full, tied: triangles in the order the kernel reads them; diag: groups of diag P
  AlignedVector<T> shift;   // full: m P; tied: groups of m P; diag: groups of m * diag P; spherical: groups of m
  AlignedVector<T> offset;  // n_components
  AlignedVector<T> half;    // n_components: what multiplies the squared sum; 1/2, or P^2 / 2 for spherical
};

/// One level's kernels. A panel holds `lanes` samples, feature by feature (distance/tile.hpp packs them);
/// densities and responsibilities of a panel are n_components x lanes.
template <class T>
struct MixtureKernels {
  int lanes;    // samples in a panel: distance::tile<T>().lanes
  int group;    // components in a group
  int columns;  // columns in a strip of a triangle
  int reach;    // panels whose sums are added in T before they are added in double, at most

  /// Room that log_density and accumulate need.
  Index (*scratch_size)(const Components<T>& components, Index n_panels);

  /// density[panel][c][lane] = log (w_c N_c(sample)). Memory in [ahead, ahead_end), which comes next, is asked for.
  void (*log_density)(const T* panels, Index n_panels, const Components<T>& components, T* density, T* scratch,
                      const T* ahead, const T* ahead_end);

  /// density becomes responsibility times weight[i] (a weight of 0 for lanes that hold no sample);
  /// log_sum[i] = log sum_c exp density, entropy[i] = -sum_c r_c log r_c (r before weighting).
  void (*normalize)(T* density, Index n_panels, Index n_components, const T* weight, T* log_sum, T* entropy);

  /// Per sample: the component of the largest density (of equals the first), that density, the next largest
  /// (-inf when there is one component), and log_sum as above. Any of them may be null.
  void (*choose)(const T* density, Index n_panels, Index n_components, std::int32_t* label, T* best, T* second,
                 T* log_sum);

  /// Adds sums over samples, resp as normalize leaves it, v = x - mean_c when components.apart, else x - origin:
  /// weight[c] += sum r, first[c][p] += sum r v_p, and, unless second is null,
  /// full: second[c][a, b >= a] += sum r v_a v_b (rows of the upper triangle, one after the other); diag:
  /// second[c][p] += sum r v_p^2; spherical: second[c] += sum r |v|^2; tied: nothing.
  void (*accumulate)(const T* panels, const T* resp, Index n_panels, const Components<T>& components, double* weight,
                     double* first, double* second, T* scratch);

  void (*exp)(const T* x, T* out, Index n);
  void (*log)(const T* x, T* out, Index n);
};

/// The kernels of the level in use.
template <class T>
const MixtureKernels<T>& kernels();

/// Packs components. means: n_components x n_features; factor: precisions_cholesky in scikit-learn's shapes (upper
/// triangular matrices; reciprocal standard deviations for diag and spherical); log_weight: any constant per
/// component, log of the weight for a mixture.
template <class T>
Components<T> pack_components(Covariance type, Points<const double> means, const double* factor,
                              const double* log_weight);

/// What is wanted of each sample; empty spans and null pointers are not computed.
template <class T>
struct Densities {
  std::int32_t* label = nullptr;  // n_samples: component of the largest density, of equals the first
  T* best = nullptr;              // n_samples: that log density, weight included
  T* second = nullptr;            // n_samples: the next largest, -inf where there is one component
  T* log_sum = nullptr;           // n_samples: log density of the mixture
  T* matrix = nullptr;            // n_samples x n_components: all log densities
  bool resp = false;              // the matrix holds responsibilities instead
};

/// Parallel over blocks. O(n (k cost + k)) time with the cost per component above, O(k d^2 + threads block) memory.
template <class T>
void log_densities(Points<const T> x, const Components<T>& components, const Densities<T>& out, Run& run);

}  // namespace shoal::mixture
