#include "distance/tile.hpp"

#include "distance/levels.hpp"

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

// Packs n rows, the row at position i being row_at(i), in groups that stay inside the pieces between `bounds`.
template <class T, class RowAt>
PackedRows<T> pack(Form form, Index d, const T* origin, std::span<const Index> bounds, RowAt&& row_at) {
  const Index n = bounds.back();
  PackedRows<T> packed;
  packed.n_rows = n;
  packed.n_features = d;
  packed.max_rows = tile<T>().max_rows;
  packed.data.resize(static_cast<std::size_t>(n * d));
  packed.start.resize(static_cast<std::size_t>(n));
  for (std::size_t piece = 0; piece + 1 < bounds.size(); ++piece) {
    const Index begin = bounds[piece];
    const Index length = bounds[piece + 1] - begin;
    const Index groups = (length + packed.max_rows - 1) / packed.max_rows;
    for (Index g = 0; g < groups; ++g) {
      const Index first = begin + g * length / groups;
      const Index size = begin + (g + 1) * length / groups - first;
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
      packed.first.push_back(first + size);
    }
  }
  return packed;
}

}  // namespace

template <class T>
PackedRows<T> pack_rows(Form form, Points<const T> rows, const T* origin) {
  const Index bounds[] = {0, rows.n_samples};
  return pack<T>(form, rows.n_features, origin, bounds, [&](Index i) { return rows.row(i); });
}

template <class T>
PackedRows<T> pack_pieces(Form form, Points<const T> x, std::span<const std::int32_t> index,
                          std::span<const Index> bounds) {
  const T* origin = nullptr;
  return pack<T>(form, x.n_features, origin, bounds,
                 [&](Index i) { return x.row(index[static_cast<std::size_t>(i)]); });
}

template PackedRows<float> pack_rows(Form, Points<const float>, const float*);
template PackedRows<double> pack_rows(Form, Points<const double>, const double*);
template PackedRows<float> pack_pieces(Form, Points<const float>, std::span<const std::int32_t>,
                                       std::span<const Index>);
template PackedRows<double> pack_pieces(Form, Points<const double>, std::span<const std::int32_t>,
                                        std::span<const Index>);

}  // namespace shoal::distance
