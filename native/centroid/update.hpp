// The other half of a Lloyd step: centres as weighted means of their samples.
//
// Sums are kept in double about a fixed origin and changed by the samples whose label changed, so late steps cost
// what they change. The order of additions depends on the data and labels alone: the same labels give the same
// centres, whoever found the labels and on however many threads.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/points.hpp"
#include "centroid/rows.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {

/// What sums over samples are taken about, so that neither an offset common to all eats their digits nor one sample far
/// away: the middle of some samples that have weight; zeros for sparse rows.
template <class T>
std::vector<T> origin_of_sums(const Rows<T>& x, Weights<T> weight);

/// Sums of the samples under each label, and what is needed to change them block by block.
template <class T>
class CenterSums {
 public:
  /// `origin` should be near the data (zeros for sparse rows). Cost of the memory: (1 + chunks) * k * d doubles, at
  /// most about 64 MiB.
  CenterSums(const Rows<T>& x, Weights<T> weight, Index n_clusters, std::vector<T> origin);

  /// The loop over samples is cut into these; each chunk gathers its own changes.
  const parallel::Blocks& chunks() const { return chunks_; }

  /// Called by the owner of `chunk` for each of its samples whose label changed (from -1: it had none).
  void change(Index chunk, Index sample, std::int32_t from, std::int32_t to);

  /// Adds the chunks' changes to the sums, in chunk order.
  void apply(Run& run);

  /// The sums of these labels anew: what was added and taken away again, however large, leaves no trace.
  void start_again(std::span<const std::int32_t> labels, Run& run);

  /// What the sums are about.
  const std::vector<T>& origin() const { return origin_; }

  /// True when no sample of positive weight has this label.
  bool empty(Index center) const { return counts_[static_cast<std::size_t>(center)] == 0; }

  /// out[j] = mean under label j; a label without weight gets the mean of the heaviest.
  void means(Points<T> out) const;

 private:
  void add(double* sum, Index sample, double factor) const;

  struct Chunk {
    std::vector<double> sums;
    std::vector<double> weights;
    std::vector<Index> counts;
    std::vector<std::uint8_t> touched;
    std::vector<std::int32_t> list;                            // touched centres
    std::vector<std::pair<std::int32_t, std::int32_t>> moved;  // (from, to), where changes are applied later
    std::vector<std::int32_t> samples;
  };
  void touch(Chunk& chunk, std::int32_t center) const;
  void clear_empty();

  Rows<T> x_;
  Weights<T> weight_;
  Index n_clusters_;
  std::vector<T> origin_;
  std::vector<double> sums_;
  std::vector<double> weights_;
  std::vector<Index> counts_;  // samples of positive weight: weights that cancel leave rounding behind, counts do not
  parallel::Blocks chunks_;
  bool own_sums_;  // chunks keep sums of their own; else lists of changes, applied feature by feature
  std::vector<Chunk> chunk_;
};

/// Empty clusters take the samples farthest from their centres, farthest first, ties by the smaller sample; as
/// scikit-learn does. labels and sums follow; returns the samples that moved. Nothing moves when every sample lies
/// on its centre (fewer distinct samples than clusters). Samples without weight never move, nor, where centres are
/// `spherical`, rows of zeros, which would give a cluster no direction.
template <class T>
std::vector<Index> relocate_empty(const Rows<T>& x, Weights<T> weight, Points<const T> centers,
                                  std::span<std::int32_t> labels, bool spherical, CenterSums<T>& sums, Run& run);

/// Weighted sum of squared distances to the own centres, in double, in block order.
template <class T>
double inertia(const Rows<T>& x, Weights<T> weight, Points<const T> centers, std::span<const std::int32_t> labels,
               Run& run);

/// Weighted mean of each feature, and the mean over features of their weighted variances.
struct Moments {
  std::vector<double> mean;
  double variance = 0;
};
template <class T>
Moments moments(const Rows<T>& x, Weights<T> weight, Run& run);

}  // namespace shoal::centroid
