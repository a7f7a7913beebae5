// Samples of the k-means family scaled to unit length: spherical k-means is k-means on these. Rows of zeros stay zero.
// Cost: O(stored values). Deterministic: a row's result depends on the row alone.
#pragma once
#include "centroid/rows.hpp"
#include "parallel/run.hpp"

namespace shoal::centroid {

/// out: the values of x (dense: n_samples x n_features; sparse: as many as are stored), each row divided by its length.
/// Precondition: columns of a sparse row are ascending.
template <class T>
void unit_rows(const Rows<T>& x, T* out, Run& run);

}  // namespace shoal::centroid
