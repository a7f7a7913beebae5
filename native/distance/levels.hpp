// The distance tables of every level.
#pragma once
#include "distance/tile.hpp"
#include "simd/dispatch.hpp"

namespace shoal {
SHOAL_DECLARE_TABLE(distance::TileKernels<float>, tile_f32)
SHOAL_DECLARE_TABLE(distance::TileKernels<double>, tile_f64)
}  // namespace shoal
