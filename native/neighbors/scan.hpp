// Which pairs of a block of tile values are near enough to be looked at closely.
#pragma once
#include <cstdint>

#include "base/points.hpp"
#include "simd/dispatch.hpp"

namespace shoal::neighbors {

/// One level's kernels for one type.
template <class T>
struct ScanKernels {
  /// Writes row << 16 | lane for every pair of `rows` x `lanes` with value + shift[lane] <= max(bound[lane],
  /// row_bound[row]) to hits, rows first; returns how many. Row r of the values is at values + r * stride.
  /// Precondition: stride, shift and bound are padded to whole vectors (64 bytes); rows, lanes <= 65536.
  Index (*scan)(const T* values, Index stride, Index rows, Index lanes, const T* shift, const T* bound,
                const T* row_bound, std::uint32_t* hits);
};

/// The kernels of the level in use.
template <class T>
const ScanKernels<T>& scan_kernels();

}  // namespace shoal::neighbors

namespace shoal {
SHOAL_DECLARE_TABLE(neighbors::ScanKernels<float>, scan_f32)
SHOAL_DECLARE_TABLE(neighbors::ScanKernels<double>, scan_f64)
}  // namespace shoal
