#include "centroid/nearest_chosen.hpp"

#include <limits>

#include "centroid/assignment.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

}  // namespace

template <class T>
NearestChosen<T>::NearestChosen(const Rows<T>& x)
    : x_(x), sq_(at(x.n_samples), std::numeric_limits<T>::max()), label_(at(x.n_samples), -1) {}

template <class T>
void NearestChosen<T>::add(std::span<const Index> chosen, Run& run) {
  const Index d = x_.n_features;
  const auto first = static_cast<std::int32_t>(rows_.size() / at(d));
  rows_.resize(rows_.size() + chosen.size() * at(d));
  const Points<const T> fresh{rows_.data() + first * d, std::ssize(chosen), d};
  std::vector<double> norms(chosen.size());
  for (Index c = 0; c < fresh.n_samples; ++c) {
    x_.copy(chosen[at(c)], rows_.data() + (first + c) * d);
    norms[at(c)] = x_.sq_norm(chosen[at(c)]);
  }
  const bool several = fresh.n_samples > 1;
  if (several) {
    among_new_.resize(at(x_.n_samples));
    assign_all(x_, fresh, std::span(among_new_), run);
  }
  const parallel::Blocks blocks{x_.n_samples, assign_block_length(x_)};
  parallel::for_blocks(blocks, run, x_.size(), [&](Index b, int) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      const std::int32_t c = several ? among_new_[at(i)] : 0;
      const T to = x_.sq_dist(i, fresh.row(c), norms[at(c)]);
      if (to >= sq_[at(i)]) continue;
      sq_[at(i)] = to;
      label_[at(i)] = first + c;
    }
  });
}

template class NearestChosen<float>;
template class NearestChosen<double>;

}  // namespace shoal::centroid
