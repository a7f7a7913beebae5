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

template <class T>
PackedRows<T> pack_rows(Form form, Points<const T> rows, const T* origin) {
  const Index n = rows.n_samples;
  const Index d = rows.n_features;
  PackedRows<T> packed;
  packed.n_rows = n;
  packed.n_features = d;
  packed.max_rows = tile<T>().max_rows;
  packed.data.resize(static_cast<std::size_t>(n * d));
  packed.start.resize(static_cast<std::size_t>(n));
  const Index groups = (n + packed.max_rows - 1) / packed.max_rows;
  for (Index g = 0; g < groups; ++g) {
    const Index first = g * n / groups;
    const Index size = (g + 1) * n / groups - first;
    T* to = packed.data.data() + first * d;
    for (Index r = 0; r < size; ++r) {
      const T* row = rows.row(first + r);
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
  return packed;
}

template PackedRows<float> pack_rows(Form, Points<const float>, const float*);
template PackedRows<double> pack_rows(Form, Points<const double>, const double*);

}  // namespace shoal::distance
