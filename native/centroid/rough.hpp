// Rough samples and what can be told from them: floats in the place of doubles, or 16-bit codes, against few centres.
// How rough they are is known, and the caller's to reckon with; nothing here depends on the order of additions.
#pragma once
#include <cstdint>
#include <vector>

#include "base/points.hpp"
#include "simd/aligned.hpp"

namespace shoal::centroid {

/// What 16-bit codes mean: (x[p] - middle[p]) * scale is about code[p] * step[p].
template <class T>
struct CodeSteps {
  std::vector<T> middle;
  std::vector<T> factor;  // scale / step
  std::vector<T> step;
  T scale = 1;
};

/// Centres, `stride` values apart; those beyond n_features are zero.
struct FewCenters {
  Index n_centers = 0;
  Index n_features = 0;
  Index stride = 0;
  AlignedVector<float> data;
  std::vector<float> start;  // |centre|^2 / 2
};

/// Rows that one call of RoughKernels::nearest takes at most: a whole number of vectors at every level.
inline constexpr Index rough_rows = 16;

struct RoughKernels {
  Index stride_unit;  // of FewCenters::stride

  /// out[i] = (row i - origin) * scale, and its norm.
  void (*narrow)(const double* rows, Index n, Index n_features, const double* origin, double scale, float* out,
                 float* norm);

  /// Codes of n rows, the norms of what the codes say and of what they leave out; neither is rounded up.
  void (*encode_f32)(const float* rows, Index n, Index n_features, const CodeSteps<float>& steps, std::int16_t* codes,
                     float* norm, float* rest);
  void (*encode_f64)(const double* rows, Index n, Index n_features, const CodeSteps<double>& steps, std::int16_t* codes,
                     float* norm, float* rest);

  /// The centre j with the least start[j] - row . centre j (a tie goes to the smaller one), that value and the second
  /// least. The memory at [ahead, ahead + ahead_bytes) is asked for meanwhile.
  /// Precondition: n <= rough_rows; scratch has room for n_centers * rough_rows values.
  void (*nearest)(const std::int16_t* codes, Index n, const FewCenters& centers, std::int32_t* label, float* value,
                  float* second, float* scratch, const void* ahead, Index ahead_bytes);
};

const RoughKernels& rough();

}  // namespace shoal::centroid
