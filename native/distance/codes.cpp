#include "distance/codes.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/large_pages.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::distance {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr Index max_features = 16384;  // sums of products of codes must fit 32 bits

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

template <class T>
const CodeRow<T>& code_row() {
  if constexpr (std::is_same_v<T, float>)
    return SHOAL_PICK_TABLE(code_row_f32);
  else
    return SHOAL_PICK_TABLE(code_row_f64);
}

bool has_codes(Index n_features) {
  return screen_kernel().n_codes > 0 && n_features <= max_features;
}

}  // namespace

const ScreenKernel& screen_kernel() {
  return SHOAL_PICK_TABLE(code_screen);
}

template <class T>
Codes<T>::Codes(Points<const T> x, Run& run) {
  const Index d = x.n_features;
  if (!has_codes(d)) return;
  const Blocks blocks = parallel::blocks_at_most(x.n_samples, 64);
  std::vector<T> low(at(blocks.count() * d)), high(low.size());
  for_blocks(blocks, run, static_cast<double>(x.size()), [&](Index b, int) {
    T* least = low.data() + b * d;
    T* most = high.data() + b * d;
    std::copy_n(x.row(blocks.begin(b)), d, least);
    std::copy_n(x.row(blocks.begin(b)), d, most);
    for (Index i = blocks.begin(b) + 1; i < blocks.end(b); ++i)
      for (Index p = 0; p < d; ++p) {
        least[p] = std::min(least[p], x.row(i)[p]);
        most[p] = std::max(most[p], x.row(i)[p]);
      }
  });
  for (Index b = 1; b < blocks.count(); ++b)
    for (Index p = 0; p < d; ++p) {
      low[at(p)] = std::min(low[at(p)], low[at(b * d + p)]);
      high[at(p)] = std::max(high[at(p)], high[at(b * d + p)]);
    }
  encode(
      x.n_samples, std::span(low).first(at(d)), std::span(high).first(at(d)), [&](Index i, T*) { return x.row(i); },
      run);
}

template <class T>
Codes<T>::Codes(Index n, std::span<const T> low, std::span<const T> high, const Row& row, Run& run) {
  if (has_codes(std::ssize(low))) encode(n, low, high, row, run);
}

template <class T>
void Codes<T>::encode(Index n, std::span<const T> low, std::span<const T> high, const Row& row, Run& run) {
  const Index d = std::ssize(low);
  double range = 0;
  for (std::size_t p = 0; p < low.size(); ++p)
    range = std::max(range, static_cast<double>(high[p]) - static_cast<double>(low[p]));
  const int n_codes = screen_kernel().n_codes;
  step_ = range / (n_codes - 1);
  if (!(step_ > 0) || !std::isfinite(step_) || !std::isfinite(1 / step_)) return;
  const double per_step = 1 / step_;
  n_words_ = (d + 3) / 4;
  const Index panels = (n + lanes - 1) / lanes;
  const std::size_t bytes = at(panels * n_words_ * lanes * 4);
  codes_.reserve(bytes);
  base::on_large_pages(codes_.data(), bytes);
  codes_.assign(bytes, 0);
  offset_.assign(at(panels * lanes), 0);
  sq_.assign(at(panels * lanes), 0);
  rest_.assign(at(panels * lanes), 0.0f);
  for_blocks(Blocks{panels, 64}, run, 4.0 * static_cast<double>(n * d), [&](Index b, int) {
    std::vector<T> scratch(at(d));
    for (Index i = b * 64 * lanes; i < std::min(n, (b + 1) * 64 * lanes); ++i) {
      const CodeSums sums =
          code_row<T>().of(row(i, scratch.data()), d, low.data(), per_step, codes_.data() + code_place(i, 0, n_words_));
      sq_[at(i)] = sums.sq;
      offset_[at(i)] = sums.sq - n_codes * sums.sum;  // products are taken with code - n_codes / 2
      rest_[at(i)] = static_cast<float>(std::sqrt(sums.rest) * (1 + 1e-5));
    }
  });
}

template <class T>
void Codes<T>::take(std::span<const Index> samples, Queries& out) const {
  const Index n_bytes = n_words_ * 4;
  out.codes.resize(samples.size() * at(n_bytes));
  out.offset.resize(samples.size());
  out.rest.resize(samples.size());
  const int middle = screen_kernel().n_codes / 2;
  for (std::size_t t = 0; t < samples.size(); ++t) {
    const Index i = samples[t];
    for (Index p = 0; p < n_bytes; ++p)
      out.codes[t * at(n_bytes) + at(p)] = static_cast<std::int8_t>(codes_[at(code_place(i, p, n_words_))] - middle);
    out.offset[t] = sq_[at(i)];
    out.rest[t] = rest_[at(i)];
  }
}

template <class T>
Index Codes<T>::screen(const Queries& queries, Index first, Index last, const float* reach, std::uint16_t* near) const {
  constexpr float room = 1 + 1e-5f;  // for the rounding of limits
  return screen_kernel().screen(codes_.data() + first * n_words_ * lanes * 4, last - first, n_words_,
                                offset_.data() + first * lanes, reach + first * lanes, queries.codes.data(),
                                queries.offset.data(), queries.rest.data(), std::ssize(queries.rest), room, near);
}

template class Codes<float>;
template class Codes<double>;

}  // namespace shoal::distance
