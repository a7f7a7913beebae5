// Where a new row joins a single linkage tree that is left as it is.
//
// The core distance of the new row is the distance within which min_samples fitted rows (or that weight) lie; the
// row is attached to the fitted row of least mutual reachability, of equals to the nearest, then to the first. A
// fitted row is thereby attached to itself, at its own core distance.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "neighbors/mst.hpp"

namespace shoal::density {

struct Attachment {
  std::vector<std::int32_t> row;  // of the fitted rows
  std::vector<double> height;     // the mutual reachability with it
};

/// Cost: the 2 min_samples nearest of every new row, more where the densest lie beyond them.
template <class T>
Attachment attach(const neighbors::Space<T>& rows, const neighbors::Space<T>& fitted, std::span<const double> core,
                  const neighbors::Reachability& reach, Run& run);

}  // namespace shoal::density
