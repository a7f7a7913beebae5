#include "distance/tile.hpp"

#include "distance/levels.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::distance {

template <>
const TileKernels<float>& tile<float>() {
  return SHOAL_PICK_TABLE(tile_f32);
}
template <>
const TileKernels<double>& tile<double>() {
  return SHOAL_PICK_TABLE(tile_f64);
}

namespace {

// Room for rows in groups that stay inside the pieces between `bounds`.
template <class T>
PackedRows<T> grouped(Index d, std::span<const Index> bounds) {
  PackedRows<T> packed;
  packed.n_rows = bounds.back();
  packed.n_features = d;
  packed.max_rows = tile<T>().max_rows;
  packed.data.resize(static_cast<std::size_t>(packed.n_rows * d));
  packed.start.resize(static_cast<std::size_t>(packed.n_rows));
  for (std::size_t piece = 0; piece + 1 < bounds.size(); ++piece) {
    const Index length = bounds[piece + 1] - bounds[piece];
    const Index groups = (length + packed.max_rows - 1) / packed.max_rows;
    for (Index g = 1; g <= groups; ++g) packed.first.push_back(bounds[piece] + g * length / groups);
  }
  return packed;
}

// Packs group g, row_at(i) being the row at position i.
template <class T, class RowAt>
void pack_group(Form form, const T* origin, PackedRows<T>& packed, Index g, RowAt&& row_at) {
  const Index d = packed.n_features;
  const Index first = packed.first[static_cast<std::size_t>(g)];
  const Index size = packed.first[static_cast<std::size_t>(g) + 1] - first;
  T* to = packed.data.data() + first * d;
  for (Index r = 0; r < size; ++r) {
    const T* row = row_at(first + r);
    double sq_norm = 0;
    for (Index p = 0; p < d; ++p) {
      const T value = origin ? row[p] - origin[p] : row[p];
      to[p * size + r] = value;
      sq_norm += static_cast<double>(value) * static_cast<double>(value);
    }
    packed.start[static_cast<std::size_t>(first + r)] = form == Form::expanded ? static_cast<T>(sq_norm / 2) : T{0};
  }
}

}  // namespace

template <class T>
PackedRows<T> pack_rows(Form form, Points<const T> rows, const T* origin) {
  const Index bounds[] = {0, rows.n_samples};
  PackedRows<T> packed = grouped<T>(rows.n_features, bounds);
  for (Index g = 0; g < packed.n_groups(); ++g)
    pack_group(form, origin, packed, g, [&](Index i) { return rows.row(i); });
  return packed;
}

template <class T>
PackedRows<T> pack_pieces(Form form, Points<const T> x, std::span<const std::int32_t> index,
                          std::span<const Index> bounds, Run& run) {
  PackedRows<T> packed = grouped<T>(x.n_features, bounds);
  const auto blocks = parallel::blocks_of(
      packed.n_groups(), static_cast<std::size_t>(packed.max_rows * x.n_features) * sizeof(T), std::size_t{1} << 18, 1);
  parallel::for_blocks(blocks, run, 2.0 * static_cast<double>(packed.data.size()), [&](Index block, int) {
    for (Index g = blocks.begin(block); g < blocks.end(block); ++g)
      pack_group<T>(form, nullptr, packed, g, [&](Index i) { return x.row(index[static_cast<std::size_t>(i)]); });
  });
  return packed;
}

template PackedRows<float> pack_rows(Form, Points<const float>, const float*);
template PackedRows<double> pack_rows(Form, Points<const double>, const double*);
template PackedRows<float> pack_pieces(Form, Points<const float>, std::span<const std::int32_t>, std::span<const Index>,
                                       Run&);
template PackedRows<double> pack_pieces(Form, Points<const double>, std::span<const std::int32_t>,
                                        std::span<const Index>, Run&);

}  // namespace shoal::distance
