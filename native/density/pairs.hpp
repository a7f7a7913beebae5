// DBSCAN where most pairs of samples have to be looked at and few of them are near: every pair once.
//
// With many features and no structure, boxes keep nothing apart, and a sample that has few neighbours finds min_samples
// of them late or never. A pass that asks for every sample and stops when it has enough (dbscan_count.hpp) then looks
// at nearly all n^2 pairs. Here blocks of 64 samples meet each other once, and the pairs that are near are kept: they
// tell core samples, clusters and borders without another look. Whether that pays is guessed from some blocks; where
// pairs turn out to be many, they are given up, so that memory is O(n).
#pragma once
#include <optional>
#include <span>

#include "density/cells.hpp"
#include "density/dbscan.hpp"
#include "density/screened_tree.hpp"

namespace shoal::density {

/// The labels of `dbscan`, or nothing where its own way is likely to be the faster one or the pairs are too many.
/// `weight` as there. Cost O(n^2 d / 2); memory up to 192 bytes and 4 d per sample.
std::optional<DbscanResult> dbscan_by_pairs(const CellTree& tree, const ScreenedTree& screened,
                                            std::span<const double> weight, const Reach& reach, double min_samples,
                                            Run& run);

}  // namespace shoal::density
