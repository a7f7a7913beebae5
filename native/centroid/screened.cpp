// Lloyd's assignment of which most is decided by less than the exact values.
//
// Where the least value found from rough samples is below the second by more than their roughness and rounding can
// have moved them, its centre is the nearest. The other samples are looked at exactly.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/large_pages.hpp"
#include "centroid/assigners.hpp"
#include "centroid/rough.hpp"
#include "distance/tile.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {
namespace {

using distance::Form;
using distance::PackedRows;
using distance::samples;

constexpr auto at = [](auto i) { return static_cast<std::size_t>(i); };

// Whether narrowing the samples costs little beside what it saves. (Measured on 2 to 784 features.)
bool worth_narrowing(Index n_clusters, Index n_features) {
  return n_clusters >= 32 && n_clusters * n_features >= 256;
}

// Whether the passes after the first gain what coding the samples costs: not where the caches hold them anyway, nor
// where arithmetic takes longer than the samples' way from memory.
template <class T>
bool worth_coding(Points<const T> x, Index n_clusters, Index n_passes) {
  constexpr Index min_bytes = Index{1} << 24;
  constexpr bool wide = std::is_same_v<T, double>;
  return n_passes >= 4 && x.size() * static_cast<Index>(sizeof(T)) >= min_bytes && n_clusters <= (wide ? 16 : 10) &&
         x.n_features >= (wide ? 128 : 256);
}

// Appends to `open` the samples from `first` on whose two least values differ by no more than doubt(i) says, a number
// for squared distances, which differ by 2 v.
template <class Doubt>
void list_doubtful(Index first, Index n, const float* value, const float* second, const Doubt& doubt,
                   std::vector<std::int32_t>& open) {
  for (Index i = 0; i < n; ++i)
    if (!(2 * (second[i] - value[i]) > doubt(i))) open.push_back(static_cast<std::int32_t>(first + i));
}

// What the exact values may lose where their terms vanish below the smallest number, in squared distances scaled twice.
template <class T>
float vanishing(Index n_features, double scale) {
  return static_cast<float>(2 * static_cast<double>(Rounding<T>(n_features, T{1}).floor) * scale * scale);
}

// Doubles as floats, which takes half the time. All is scaled by a power of two to where floats neither overflow nor
// lose what counts.
class Narrowing {
 public:
  void prepare(Points<const double> centers, const double* origin) {
    const double largest = largest_norm(centers, origin);
    const bool usual = largest > std::numeric_limits<double>::min() && std::isfinite(largest);
    scale_ = usual ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
    origin_ = origin;
    c_max_ = static_cast<float>(largest * scale_ * (1 + 1e-6));
    rounding_ = Rounding<float>(centers.n_features, c_max_);
    vanishing_ = vanishing<double>(centers.n_features, scale_);
  }
  void narrow(const double* rows, Index n, Index d, float* out, float* norm) const {
    rough().narrow(rows, n, d, origin_, scale_, out, norm);
  }
  float doubt(float norm) const { return rounding_.scale * (norm + c_max_) + vanishing_; }

 private:
  const double* origin_ = nullptr;
  double scale_ = 1;
  float c_max_ = 0;
  float vanishing_ = 0;
  Rounding<float> rounding_;
};

// Doubles as floats through the tile.
class NarrowTile {
 public:
  NarrowTile(Points<const double> x, Index) : x_(x), scratch_(at(parallel::n_threads())) {
    for (Scratch& own : scratch_) own.panels.resize(at(distance::tile<float>().scratch_size(x.n_features)));
  }
  void prepare(Points<const double> centers, const double* origin) {
    narrowing_.prepare(centers, origin);
    AlignedVector<float> rows(at(centers.size()));
    std::vector<float> norm(at(centers.n_samples));
    narrowing_.narrow(centers.data, centers.n_samples, x_.n_features, rows.data(), norm.data());
    packed_ = distance::pack_rows(Form::expanded, Points<const float>{rows.data(), centers.n_samples, x_.n_features});
  }
  void assign(Index begin, Index end, int thread, std::int32_t* label, std::vector<std::int32_t>& open) {
    Scratch& own = scratch_[at(thread)];
    const Index n = end - begin;
    const Index d = x_.n_features;
    own.rows.resize(at(n * d));
    for (auto* values : {&own.value, &own.second, &own.norm}) values->resize(at(n));
    narrowing_.narrow(x_.row(begin), n, d, own.rows.data(), own.norm.data());
    distance::tile<float>().nearest(samples(Points<const float>{own.rows.data(), n, d}), packed_, label + begin,
                                    own.value.data(), own.second.data(), own.panels.data());
    list_doubtful(
        begin, n, own.value.data(), own.second.data(), [&](Index i) { return narrowing_.doubt(own.norm[at(i)]); },
        open);
  }

 private:
  struct Scratch {
    AlignedVector<float> rows, panels;
    std::vector<float> value, second, norm;
  };
  Points<const double> x_;
  Narrowing narrowing_;
  PackedRows<float> packed_;
  std::vector<Scratch> scratch_;
};

FewCenters room_for(Index n_clusters, Index n_features) {
  const Index unit = rough().stride_unit;
  FewCenters few;
  few.n_centers = n_clusters;
  few.n_features = n_features;
  few.stride = (n_features + unit - 1) / unit * unit;
  few.data.assign(at(n_clusters * few.stride), 0.0F);
  few.start.resize(at(n_clusters));
  return few;
}

// What a search against few centres finds for a batch of samples.
struct Found {
  static constexpr Index batch = rough_rows;
  float value[batch] = {};
  float second[batch] = {};
  std::vector<float> values;  // scratch of the kernel

  explicit Found(Index n_clusters) : values(at(n_clusters * rough_rows)) {}
};

// 16-bit codes of all samples, made in the first pass and read in their place, few centres: a pass then takes as long
// as memory takes to deliver the samples, and codes are a half of floats, a quarter of doubles.
// A code leaves out a rest of its sample; the difference of two values then errs by no more than |rest| times the
// distance of the two centres, besides the rounding of either way.
template <class T>
class CodedFew {
 public:
  CodedFew(Points<const T> x, Index n_clusters)
      : x_(x),
        centers_(room_for(n_clusters, x.n_features)),
        found_(at(parallel::n_threads()), Found(n_clusters)),
        codes_(std::make_unique_for_overwrite<std::int16_t[]>(at(x.size()))),
        norm_(std::make_unique_for_overwrite<float[]>(at(x.n_samples))),
        rest_(std::make_unique_for_overwrite<float[]>(at(x.n_samples))) {
    base::on_large_pages(codes_.get(), x.size() * sizeof(std::int16_t));
    choose_steps();
  }

  void prepare(Points<const T> centers, const T* origin) {
    encoded_ = encoding_;
    encoding_ = true;
    const Index k = centers.n_samples;
    const Index d = centers.n_features;
    const auto scale = static_cast<double>(steps_.scale);
    const auto scaled = [&](T value, Index p) {
      return (static_cast<double>(value) - static_cast<double>(steps_.middle[at(p)])) * scale;
    };
    double largest = 0;
    for (Index j = 0; j < k; ++j) {
      double sq = 0;
      for (Index p = 0; p < d; ++p) {
        const double value = scaled(centers.row(j)[p], p);
        // what multiplies feature p of the samples goes into the centres
        centers_.data[at(j * centers_.stride + p)] =
            static_cast<float>(value * static_cast<double>(steps_.step[at(p)]));
        sq += value * value;
      }
      centers_.start[at(j)] = static_cast<float>(sq / 2);
      largest = std::max(largest, sq);
    }
    double between = 0;
    for (Index p = 0; p < d; ++p) between += scaled(origin[p], p) * scaled(origin[p], p);

    // How far two values can be apart from the exact ones: by what the code leaves out, by rounding here (centres
    // about the middle) and by rounding there (centres about the origin); in squared distances, which differ by 2 v.
    const auto here = Rounding<float>(d, static_cast<float>(std::sqrt(largest) * (1 + 1e-6)));
    const double c_max = static_cast<double>(largest_norm(centers, origin)) * scale;
    const double there = 4 * static_cast<double>(Rounding<T>(d, T{1}).unit) * c_max;
    constexpr double room = 1.001;
    per_norm_ = static_cast<float>(room * (static_cast<double>(here.scale) + there));
    per_rest_ = static_cast<float>(room * (4 * c_max + there));
    always_ = static_cast<float>(room * (static_cast<double>(here.slack(0)) + there * (std::sqrt(between) + c_max))) +
              vanishing<T>(d, scale);
  }

  void assign(Index begin, Index end, int thread, std::int32_t* label, std::vector<std::int32_t>& open) {
    const Index d = x_.n_features;
    if (!encoded_) encode(begin, end);
    const Index n_coded = encoded_ ? x_.n_samples : end;
    Found& found = found_[at(thread)];
    for (Index first = begin; first < end; first += Found::batch) {
      const Index n = std::min(Found::batch, end - first);
      const Index next = std::min(Found::batch, n_coded - first - n);
      const std::int16_t* codes = codes_.get() + first * d;
      rough().nearest(codes, n, centers_, label + first, found.value, found.second, found.values.data(), codes + n * d,
                      next * d * static_cast<Index>(sizeof(std::int16_t)));
      const float* norm = norm_.get() + first;
      const float* rest = rest_.get() + first;
      list_doubtful(
          first, n, found.value, found.second,
          [&](Index i) { return per_norm_ * norm[i] + per_rest_ * rest[i] + always_; }, open);
    }
  }

 private:
  void encode(Index begin, Index end) {
    std::int16_t* codes = codes_.get() + begin * x_.n_features;
    float* norm = norm_.get() + begin;
    float* rest = rest_.get() + begin;
    if constexpr (std::is_same_v<T, double>)
      rough().encode_f64(x_.row(begin), end - begin, x_.n_features, steps_, codes, norm, rest);
    else
      rough().encode_f32(x_.row(begin), end - begin, x_.n_features, steps_, codes, norm, rest);
  }

  // The range of a feature is guessed from some rows, and some more room left; a row out of range has a large rest.
  void choose_steps() {
    const Index d = x_.n_features;
    const Index looked_at = std::min(x_.n_samples, std::clamp<Index>((Index{1} << 20) / d, 16, 1024));
    std::vector<T> low(x_.row(0), x_.row(0) + d);
    std::vector<T> high = low;
    for (Index r = 1; r < looked_at; ++r) {
      const T* row = x_.row(x_.n_samples / looked_at * r);
      for (Index p = 0; p < d; ++p) {
        low[at(p)] = std::min(low[at(p)], row[p]);
        high[at(p)] = std::max(high[at(p)], row[p]);
      }
    }
    std::vector<double> half(at(d));
    double sq = 0;
    double widest = 0;
    for (Index p = 0; p < d; ++p) {
      steps_.middle.push_back(low[at(p)] / 2 + high[at(p)] / 2);
      half[at(p)] = 1.5 * (static_cast<double>(high[at(p)]) / 2 - static_cast<double>(low[at(p)]) / 2);
      sq += half[at(p)] * half[at(p)];
      widest = std::max(widest, half[at(p)]);
    }
    const bool usual = sq > static_cast<double>(std::numeric_limits<T>::min()) && std::isfinite(sq);
    const double scale = usual ? std::ldexp(1.0, -std::ilogb(std::sqrt(sq))) : 1.0;
    steps_.scale = static_cast<T>(scale);
    for (Index p = 0; p < d; ++p) {
      const double step = usual ? std::max(half[at(p)], 1e-4 * widest) * scale / 32767 : 1.0;
      steps_.step.push_back(static_cast<T>(step));
      steps_.factor.push_back(steps_.scale / steps_.step.back());
    }
  }

  Points<const T> x_;
  FewCenters centers_;
  std::vector<Found> found_;
  CodeSteps<T> steps_;
  std::unique_ptr<std::int16_t[]> codes_;  // not touched before the first pass, which can be interrupted
  std::unique_ptr<float[]> norm_, rest_;
  bool encoding_ = false;  // a pass has begun to write the codes
  bool encoded_ = false;
  float per_norm_ = 0, per_rest_ = 0, always_ = 0;
};

template <class T, class Screen>
class ScreenedAssigner final : public Assigner<T> {
 public:
  ScreenedAssigner(Points<const T> x, Index n_clusters, Index n_passes)
      : n_samples_(x.n_samples),
        n_clusters_(n_clusters),
        screen_(x, n_clusters),
        exact_(make_exact(x, n_clusters, n_passes)),
        open_(at(parallel::n_threads())) {}

  void prepare(Points<const T> centers, std::span<const T> moves, Run& run) override {
    // Where many samples were left in doubt screening does not pay: not for some passes, twice as many each time.
    if (pause_ > 0) {
      --pause_;
    } else if (static_cast<double>(doubtful_.load()) > most_doubtful * static_cast<double>(n_samples_)) {
      pause_ = next_pause_;
      next_pause_ *= 2;
    }
    doubtful_ = 0;
    exact_->prepare(centers, moves, run);
    if (pause_ == 0) screen_.prepare(centers, exact_->origin());
  }

  Index assign(Index begin, Index end, int thread, std::int32_t* label) override {
    if (pause_ > 0) return exact_->assign(begin, end, thread, label);
    auto& open = open_[at(thread)];
    open.clear();
    screen_.assign(begin, end, thread, label, open);
    if (!open.empty()) exact_->assign_listed(open, thread, label);
    doubtful_.fetch_add(static_cast<Index>(open.size()), std::memory_order_relaxed);
    return (end - begin) * n_clusters_;
  }
  void forget(Index) override {}

 private:
  static constexpr double most_doubtful = 0.25;
  Index n_samples_;
  Index n_clusters_;
  Screen screen_;
  std::unique_ptr<ExactAssigner<T>> exact_;
  std::vector<std::vector<std::int32_t>> open_;
  std::atomic<Index> doubtful_{0};
  Index pause_ = 0;  // passes to come without screening
  Index next_pause_ = 4;
};

}  // namespace

template <class T>
std::unique_ptr<Assigner<T>> make_screened(Points<const T> x, Index n_clusters, Index n_passes) {
  if (worth_coding(x, n_clusters, n_passes))
    return std::make_unique<ScreenedAssigner<T, CodedFew<T>>>(x, n_clusters, n_passes);
  if constexpr (std::is_same_v<T, double>)
    if (worth_narrowing(n_clusters, x.n_features))
      return std::make_unique<ScreenedAssigner<double, NarrowTile>>(x, n_clusters, n_passes);
  return nullptr;
}

template std::unique_ptr<Assigner<float>> make_screened(Points<const float>, Index, Index);
template std::unique_ptr<Assigner<double>> make_screened(Points<const double>, Index, Index);

}  // namespace shoal::centroid
