#include "centroid/sides.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "centroid/halves.hpp"
#include "distance/tile.hpp"

namespace shoal::centroid {
namespace {

using parallel::Blocks;
using parallel::for_blocks;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

constexpr Index max_chunks = 64;
constexpr Index min_chunk_length = 1024;

template <class T>
distance::Samples<T> listed(const Rows<T>& x, std::span<const std::int32_t> index, const T* origin) {
  distance::Samples<T> s = distance::samples(x.dense, origin);
  s.index = index.data();
  s.n = static_cast<Index>(index.size());
  return s;
}

template <class T>
Index padded(Index n) {
  const Index lanes = distance::tile<T>().lanes;
  return (n + lanes - 1) / lanes * lanes;
}

// Rows shorter than this stand in memory as they stand in the order: to gather them would cost a miss each.
constexpr std::size_t short_row = 1024;

// Members gathered into panels.
template <class T>
class DenseSides final : public Sides<T> {
 public:
  DenseSides(const Rows<T>& x, Weights<T> weight, std::vector<std::int32_t> order, Run& run)
      : Sides<T>(x, weight, std::move(order)),
        piece_(padded<T>(std::max<Index>(1, static_cast<Index>((std::size_t{1} << 14) / x.row_bytes())))),
        scratch_(at(parallel::n_threads())) {
    for (auto& own : scratch_) own.resize(at(halves<T>().scratch_size(x.n_features)));
    if (x.row_bytes() >= short_row) return;
    ordered_ = AlignedVector<T>(at(x.dense.size()));
    const Blocks blocks = parallel::blocks_of(x.n_samples, x.row_bytes());
    for_blocks(blocks, run, x.size(), [&](Index b, int) {
      for (Index m = blocks.begin(b); m < blocks.end(b); ++m)
        std::copy_n(x.dense.row(this->order()[at(m)]), x.n_features, ordered_.data() + m * x.n_features);
    });
  }

 protected:
  Blocks cut_into_chunks() const override {
    return parallel::blocks_at_most(this->size(), max_chunks, min_chunk_length);
  }
  Index slots_per_chunk() const override { return padded<T>(this->chunks_.length); }
  void reserve() override {
    const auto slots = at(this->chunks_.count() * slots_per_chunk());
    const auto size = slots * at(this->x_.n_features);
    if (panels_.size() < size) panels_ = AlignedVector<T>(size);
    if (this->weight_ && weights_.size() < slots) weights_.resize(slots);
    radius_.resize(slots / at(halves<T>().vector_lanes));
    until_.resize(radius_.size());
  }
  void load_chunk(Index c, int thread, Totals& total) override {
    const auto index = this->chunk_index(c);
    T* weights = this->weight_ ? weights_.data() + c * slots_per_chunk() : nullptr;
    double* radius = radius_.data() + c * vectors_per_chunk();
    for (Index begin = 0; begin < std::ssize(index); begin += piece_) {
      const auto here = index.subspan(at(begin), at(std::min(piece_, std::ssize(index) - begin)));
      T* panels = panels_.data() + c * chunk_size() + begin * this->x_.n_features;
      distance::tile<T>().pack(rows(this->begin_ + this->chunks_.begin(c) + begin, here), panels);
      if (weights)
        for (std::size_t i = 0; i < here.size(); ++i) weights[at(begin) + i] = this->weight_[here[i]];
      halves<T>().moments(panels_of(panels, std::ssize(here)), weights ? weights + begin : nullptr, total.values.data(),
                          radius + begin / halves<T>().vector_lanes, scratch_[at(thread)].data());
    }
    // Squared norms so small that they lost digits count as the least that did not.
    const double error = 1 + unit<double>();
    for (Index v = 0; v < vectors_per_chunk(); ++v) radius[v] = std::sqrt(std::max(radius[v], 1e-290)) * error;
  }
  void move_chunk(Index c, const std::array<Index, 2>& to) override {
    if (ordered_.empty()) return;
    const Index d = this->x_.n_features;
    const T* from = ordered_.data() + (this->begin_ + this->chunks_.begin(c)) * d;
    T* out[2] = {panels_.data() + to[0] * d, panels_.data() + to[1] * d};
    const std::uint8_t* side = this->chunk_side(c);
    for (Index m = this->chunks_.begin(c); m < this->chunks_.end(c); ++m, from += d) {
      T*& row = out[*side++];
      std::copy_n(from, d, row);
      row += d;
    }
  }
  void end_moves(Run& run) override {
    if (ordered_.empty()) return;
    const Index d = this->x_.n_features;
    for_blocks(this->chunks_, run, static_cast<double>(this->size() * d), [&](Index c, int) {
      const Index begin = this->chunks_.begin(c) * d;
      std::copy(panels_.data() + begin, panels_.data() + this->chunks_.end(c) * d,
                ordered_.data() + this->begin_ * d + begin);
    });
  }
  void follow(const Cut<T>* before, const Cut<T>& now) override {
    double change = 0;
    double norm = 0;
    for (Index p = 0; p < this->x_.n_features; ++p) {
      const double value = static_cast<double>(now.delta[at(p)]);
      const double by = before ? value - static_cast<double>(before->delta[at(p)]) : 0.0;
      change += by * by;
      norm += value * value;
    }
    const double error = unit<T>();
    rounding_ = 2 * error * std::sqrt(norm);
    if (!before || before->exponent != now.exponent) {
      moved_ = shifted_ = 0;
      std::fill(until_.begin(), until_.end(), -std::numeric_limits<double>::infinity());
      return;
    }
    moved_ += std::sqrt(change) * (1 + 2 * error);
    shifted_ += std::abs(static_cast<double>(static_cast<T>(now.threshold)) -
                         static_cast<double>(static_cast<T>(before->threshold))) *
                (1 + 2 * error);
  }
  Index decide_chunk(Index c, const Cut<T>& cut, int thread, Totals& change) override {
    const Margins margins{radius_.data() + c * vectors_per_chunk(),
                          until_.data() + c * vectors_per_chunk(),
                          moved_,
                          shifted_,
                          rounding_,
                          unit<double>() * 1e16 * static_cast<double>(std::numeric_limits<T>::min())};
    return halves<T>().redecide(panels(c), cut.delta.data(), static_cast<T>(cut.threshold), margins, weights(c),
                                this->chunk_side(c), change.values.data(), scratch_[at(thread)].data());
  }
  void add_chunk(Index c, std::uint8_t which, int thread, Totals& total) override {
    halves<T>().add_side(panels(c), weights(c), this->chunk_side(c), which, total.values.data(),
                         scratch_[at(thread)].data());
  }
  void inertia_chunk(Index c, const T* const centers[2], const double*, double* out) override {
    halves<T>().inertia(panels(c), centers, weights(c), this->chunk_side(c), out);
  }
  void sq_distances_chunk(Index c, const T* point, double, T* out) override {
    std::vector<T> distances(at(slots_per_chunk()));
    halves<T>().sq_distances(panels(c), point, distances.data());
    std::copy_n(distances.begin(), this->chunks_.end(c) - this->chunks_.begin(c), out);
  }

 private:
  /// Relative error of a product or a squared norm.
  template <class U>
  double unit() const {
    return static_cast<double>(this->x_.n_features + 8) * static_cast<double>(std::numeric_limits<U>::epsilon());
  }
  Index chunk_size() const { return slots_per_chunk() * this->x_.n_features; }
  Index vectors_per_chunk() const { return slots_per_chunk() / halves<T>().vector_lanes; }
  PanelsOf<T> panels_of(const T* data, Index n) const {
    return {data, n, this->x_.n_features, distance::tile<T>().lanes};
  }
  PanelsOf<T> panels(Index c) const {
    return panels_of(panels_.data() + c * chunk_size(), this->chunks_.end(c) - this->chunks_.begin(c));
  }
  const T* weights(Index c) const { return this->weight_ ? weights_.data() + c * slots_per_chunk() : nullptr; }

  // The rows `index`, which stand at `place` in the order.
  distance::Samples<T> rows(Index place, std::span<const std::int32_t> index) const {
    if (ordered_.empty()) return listed(this->x_, index, this->origin_);
    const Index d = this->x_.n_features;
    return {
        ordered_.data() + place * d, ordered_.data() + ordered_.size(), std::ssize(index), d, this->origin_, nullptr};
  }

  AlignedVector<T> ordered_;  // short rows, in the order
  Index piece_;               // members packed at a time, to be summed up while they are in cache
  AlignedVector<T> panels_;
  std::vector<T> weights_;
  std::vector<double> radius_, until_;
  double moved_ = 0, shifted_ = 0, rounding_ = 0;
  std::vector<AlignedVector<double>> scratch_;
};

template <class T>
double sparse_product(const Csr<T>& x, Index i, const std::vector<T>& delta) {
  double sum = 0;
  for (auto p = x.start[i]; p < x.start[i + 1]; ++p)
    sum += static_cast<double>(x.value[p]) * static_cast<double>(delta[at(x.column[p])]);
  return sum;
}

// Members where they are.
template <class T>
class SparseSides final : public Sides<T> {
 public:
  SparseSides(const Rows<T>& x, Weights<T> weight, std::vector<std::int32_t> order)
      : Sides<T>(x, weight, std::move(order)), zeros_(at(x.n_features), T{0}) {}

 protected:
  // No more chunks than the stored values of the members could fill with sums.
  Blocks cut_into_chunks() const override {
    double stored = 0;
    for (std::int32_t i : this->index_) stored += this->x_.csr.start[i + 1] - this->x_.csr.start[i];
    const double useful = stored / static_cast<double>(this->x_.n_features);
    const auto most = static_cast<Index>(std::clamp(useful, 1.0, static_cast<double>(max_chunks)));
    return parallel::blocks_at_most(this->size(), most, min_chunk_length);
  }
  void load_chunk(Index c, int, Totals& total) override {
    for (std::int32_t i : this->chunk_index(c)) {
      add(i, 1, total);
      total.values.back() += static_cast<double>(this->weight_[i]) * this->x_.sq_norm(i);
    }
  }
  Index decide_chunk(Index c, const Cut<T>& cut, int, Totals& change) override {
    std::uint8_t* side = this->chunk_side(c);
    Index changed = 0;
    for (std::int32_t i : this->chunk_index(c)) {
      const std::uint8_t now = sparse_product(this->x_.csr, i, cut.delta) > cut.threshold;
      if (now != *side) {
        ++changed;
        add(i, now ? 1 : -1, change);
        *side = now;
      }
      ++side;
    }
    return changed;
  }
  void add_chunk(Index c, std::uint8_t which, int, Totals& total) override {
    const std::uint8_t* side = this->chunk_side(c);
    for (std::int32_t i : this->chunk_index(c))
      if (*side++ == which) add(i, 1, total);
  }
  void inertia_chunk(Index c, const T* const centers[2], const double sq_norms[2], double* out) override {
    const std::uint8_t* side = this->chunk_side(c);
    for (std::int32_t i : this->chunk_index(c)) {
      const std::uint8_t s = *side++;
      out[s] +=
          static_cast<double>(this->weight_[i]) * static_cast<double>(this->x_.sq_dist(i, centers[s], sq_norms[s]));
    }
  }
  void sq_distances_chunk(Index c, const T* point, double sq_norm, T* out) override {
    for (std::int32_t i : this->chunk_index(c)) *out++ = this->x_.sq_dist(i, point, sq_norm);
  }

 private:
  void add(Index i, int sign, Totals& to) {
    const double w = static_cast<double>(this->weight_[i]);
    const auto d = this->x_.n_features;
    this->x_.add(to.values.data(), i, zeros_.data(), sign * w, 0, d);
    to.values[at(d)] += sign * w;
    to.values[at(d + 1)] += w > 0 ? sign : 0;
  }
  std::vector<T> zeros_;
};

template <class T>
double sq_norm(const T* row, Index d) {
  return Rows<T>(Points<const T>{row, 1, d}).sq_norm(0);
}

}  // namespace

template <class T>
Cut<T>::Cut(const T* origin, const T* left, const T* right, Index n_features) : delta(at(n_features)) {
  double largest = 0;
  for (Index p = 0; p < n_features; ++p)
    largest = std::max(largest, std::abs(static_cast<double>(right[p]) - static_cast<double>(left[p])));
  exponent = largest > 0 ? -std::ilogb(largest) : 0;
  for (Index p = 0; p < n_features; ++p) {
    const double l = static_cast<double>(left[p]) - static_cast<double>(origin[p]);
    const double r = static_cast<double>(right[p]) - static_cast<double>(origin[p]);
    delta[at(p)] = static_cast<T>(std::ldexp(static_cast<double>(right[p]) - static_cast<double>(left[p]), exponent));
    threshold += (l + (r - l) / 2) * static_cast<double>(delta[at(p)]);
  }
}

template <class T>
double Sides<T>::work() const {
  const auto values = static_cast<double>(x_.row_bytes() / sizeof(T));
  return parallel::work_of_step(0.25 * static_cast<double>(index_.size()) * (values + 4));
}

// Calls body(chunk, thread, its totals) for all chunks and adds the totals up in chunk order.
template <class T>
template <class Body>
Totals Sides<T>::reduce(double work_ns, Run& run, Body&& body) {
  const auto count = at(chunks_.count());
  if (partial_.size() < count) partial_.resize(count, Totals(x_.n_features));
  for_blocks(chunks_, run, work_ns, [&](Index c, int thread) {
    Totals& own = partial_[at(c)];
    std::fill(own.values.begin(), own.values.end(), 0.0);
    body(c, thread, own);
  });
  Totals total = partial_[0];
  for (std::size_t c = 1; c < count; ++c) total.add(partial_[c]);
  return total;
}

template <class T>
void Sides<T>::load(Index begin, Index end, const T* origin, Run& run) {
  begin_ = begin;
  index_ = order().subspan(at(begin), at(end - begin));
  origin_ = origin;
  chunks_ = cut_into_chunks();
  reserve();
  all_ = reduce(4 * work(), run, [&](Index c, int thread, Totals& own) { load_chunk(c, thread, own); });
  clear();
}

template <class T>
void Sides<T>::clear() {
  side_.assign(at(chunks_.count() * slots_per_chunk()), 0);
  right_ = Totals(x_.n_features);
  cut_.reset();
}

template <class T>
Index Sides<T>::decide(const Cut<T>& cut, Run& run) {
  follow(cut_ ? &*cut_ : nullptr, cut);
  cut_ = cut;
  std::vector<Index> changed(at(chunks_.count()));
  right_.add(reduce(work(), run,
                    [&](Index c, int thread, Totals& own) { changed[at(c)] = decide_chunk(c, cut, thread, own); }));
  Index total = 0;
  for (Index c : changed) total += c;
  return total;
}

template <class T>
std::array<Totals, 2> Sides<T>::sums(Run& run) {
  const std::uint8_t lighter = 2 * right_.weight() <= all_.weight();
  std::array<Totals, 2> out{all_, all_};
  out[lighter] = reduce(work(), run, [&](Index c, int thread, Totals& own) { add_chunk(c, lighter, thread, own); });
  out[1 - lighter].add(out[lighter], -1);
  return out;
}

template <class T>
std::array<double, 2> Sides<T>::inertia(const T* left, const T* right, Run& run) {
  // as load() shifted the samples: sparse rows stay where they are
  const Index d = x_.n_features;
  std::vector<T> shifted(at(2 * d));
  for (Index p = 0; p < d; ++p) {
    shifted[at(p)] = x_.sparse() ? left[p] : left[p] - origin_[p];
    shifted[at(d + p)] = x_.sparse() ? right[p] : right[p] - origin_[p];
  }
  const T* const centers[2] = {shifted.data(), shifted.data() + d};
  const double norms[2] = {sq_norm(centers[0], d), sq_norm(centers[1], d)};
  std::vector<std::array<double, 2>> partial(at(chunks_.count()), {0, 0});
  for_blocks(chunks_, run, work(), [&](Index c, int) { inertia_chunk(c, centers, norms, partial[at(c)].data()); });
  std::array<double, 2> out{0, 0};
  for (const auto& own : partial)
    for (std::size_t s : {0, 1}) out[s] += own[s];
  return out;
}

template <class T>
std::vector<T> Sides<T>::sq_distances(Index sample, Run& run) {
  const Index d = x_.n_features;
  std::vector<T> point(at(d));
  x_.copy(sample, point.data());
  if (!x_.sparse())
    for (Index p = 0; p < d; ++p) point[at(p)] -= origin_[p];
  const double norm = sq_norm(point.data(), d);
  std::vector<T> out(index_.size());
  for_blocks(chunks_, run, work(),
             [&](Index c, int) { sq_distances_chunk(c, point.data(), norm, out.data() + chunks_.begin(c)); });
  return out;
}

template <class T>
Index Sides<T>::partition(Run& run) {
  std::vector<Index> rights(at(chunks_.count()) + 1, 0);
  for (Index c = 0; c < chunks_.count(); ++c) {
    const std::uint8_t* side = chunk_side(c);
    rights[at(c) + 1] = rights[at(c)] + std::count(side, side + (chunks_.end(c) - chunks_.begin(c)), 1);
  }
  const Index n_left = size() - rights.back();
  for_blocks(chunks_, run, 2.0 * static_cast<double>(size()), [&](Index c, int) {
    const std::array<Index, 2> to{chunks_.begin(c) - rights[at(c)], n_left + rights[at(c)]};
    move_chunk(c, to);
    std::int32_t* out[2] = {moved_.data() + to[0], moved_.data() + to[1]};
    const std::uint8_t* side = chunk_side(c);
    for (std::int32_t i : chunk_index(c)) *out[*side++]++ = i;
  });
  end_moves(run);
  std::copy_n(moved_.begin(), size(), order_.begin() + begin_);
  return n_left;
}

template <class T>
std::unique_ptr<Sides<T>> make_sides(const Rows<T>& x, Weights<T> weight, std::vector<std::int32_t> order, Run& run) {
  if (x.sparse()) return std::make_unique<SparseSides<T>>(x, weight, std::move(order));
  return std::make_unique<DenseSides<T>>(x, weight, std::move(order), run);
}

template <class T>
Decider<T>::Decider(const Rows<T>& x) : x_(x) {
  if (x.sparse()) return;
  const auto fitting = static_cast<Index>((std::size_t{1} << 15) / x.row_bytes());
  at_once_ = padded<T>(std::max<Index>(fitting, 1));
  panels_.resize(at(at_once_ * x.n_features));
}

template <class T>
void Decider<T>::operator()(std::span<const std::int32_t> index, const T* origin, const Cut<T>& cut,
                            std::uint8_t* side) {
  const auto n = static_cast<Index>(index.size());
  if (x_.sparse()) {
    for (Index i = 0; i < n; ++i) side[i] = sparse_product(x_.csr, index[at(i)], cut.delta) > cut.threshold;
    return;
  }
  for (Index begin = 0; begin < n; begin += at_once_) {
    const auto here = index.subspan(at(begin), at(std::min(at_once_, n - begin)));
    distance::tile<T>().pack(listed(x_, here, origin), panels_.data());
    halves<T>().decide({panels_.data(), static_cast<Index>(here.size()), x_.n_features, distance::tile<T>().lanes},
                       cut.delta.data(), static_cast<T>(cut.threshold), side + begin);
  }
}

#define SHOAL_INSTANTIATE(T) \
  template struct Cut<T>;    \
  template class Sides<T>;   \
  template class Decider<T>; \
  template std::unique_ptr<Sides<T>> make_sides(const Rows<T>&, Weights<T>, std::vector<std::int32_t>, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::centroid
