// Draws of rows with given probabilities, in an order that their values alone decide.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "centroid/row_kernels.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::centroid {

/// Draws samples with probability proportional to mass[i], walking them by the hash of their rows. The hash's upper
/// bits cut the walk into bins whose sums are kept; the samples of a bin are sorted when it is first drawn from.
template <class T>
class Walk {
 public:
  Walk(const Rows<T>& x, Run& run) : Walk(hash_all(x, run)) {}
  /// Of samples with these hashes.
  explicit Walk(std::vector<std::uint64_t> hash) : hash_(std::move(hash)), place_(hash_.size()) {
    const Index n = std::ssize(hash_);
    bits_ = std::clamp(static_cast<int>(std::bit_width(at(n))) - 9, 1, 11);
    start_.assign(at(n_bins() + 1), 0);
    for (Index i = 0; i < n; ++i) ++start_[at(bin(i) + 1)];
    std::partial_sum(start_.begin(), start_.end(), start_.begin());
    std::vector<Index> next(start_.begin(), start_.end() - 1);
    for (Index i = 0; i < n; ++i) place_[at(next[at(bin(i))]++)] = static_cast<std::int32_t>(i);
    sorted_.assign(at(n_bins()), 0);
  }

  Index n_bins() const { return Index{1} << bits_; }
  Index bin(Index i) const { return static_cast<Index>(hash_[at(i)] >> (64 - bits_)); }

  /// Sums of mass(i) over the bins.
  template <class Mass>
  std::vector<double> sums(const Mass& mass, Run& run) const {
    std::vector<double> out(at(n_bins()));
    parallel::for_blocks(parallel::Blocks{n_bins(), 16}, run, 4.0 * static_cast<double>(place_.size()),
                         [&](Index block, int) {
                           for (Index b = block * 16; b < std::min(n_bins(), (block + 1) * 16); ++b)
                             out[at(b)] = sum_of(b, mass);
                         });
    return out;
  }
  template <class Mass>
  double sum_of(Index b, const Mass& mass) const {
    double sum = 0;
    for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p) sum += mass(place_[at(p)]);
    return sum;
  }

  /// The sample where the running sum of mass first exceeds u times the total, u in [0, 1); `sums` are the sums of
  /// the bins, up to rounding. A sample without mass is never drawn; -1 when none has mass.
  template <class Mass>
  Index draw(double u, const std::vector<double>& sums, const Mass& mass) {
    double total = 0;
    for (double sum : sums) total += std::max(sum, 0.0);
    double left = u * total;
    for (Index b = 0; b < n_bins(); ++b) {
      const double sum = std::max(sums[at(b)], 0.0);
      if (left >= sum) {
        left -= sum;
        continue;
      }
      sort(b);
      for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p) {
        const double own = mass(place_[at(p)]);
        left -= own;
        if (own > 0 && left < 0) return place_[at(p)];
      }
      left = std::max(left, 0.0);  // the bin held less than its sum said: on to the next with mass
    }
    for (Index b = n_bins(); b-- > 0;) {  // rounding went past the end: the last with mass
      sort(b);
      for (Index p = start_[at(b + 1)]; p-- > start_[at(b)];)
        if (mass(place_[at(p)]) > 0) return place_[at(p)];
    }
    return -1;
  }

  /// Weights with equal rows taken together: one of them has the weight of all, the others have none.
  std::vector<double> merged(Weights<T> weight, Run& run) {
    std::vector<double> out(place_.size(), 0.0);
    parallel::for_blocks(parallel::Blocks{n_bins(), 16}, run, 40.0 * static_cast<double>(place_.size()),
                         [&](Index block, int) {
                           for (Index b = block * 16; b < std::min(n_bins(), (block + 1) * 16); ++b) {
                             sort(b);
                             Index first = start_[at(b)];
                             for (Index p = first; p < start_[at(b + 1)]; ++p) {
                               if (hash(place_[at(p)]) != hash(place_[at(first)])) first = p;
                               out[at(place_[at(first)])] += static_cast<double>(weight[place_[at(p)]]);
                             }
                           }
                         });
    return out;
  }
  std::uint64_t hash(Index i) const { return hash_[at(i)]; }

  /// Calls body(i) for the samples with the hash of `sample`.
  template <class Body>
  void for_same(Index sample, Body&& body) const {
    const Index b = bin(sample);
    for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p)
      if (hash_[at(place_[at(p)])] == hash_[at(sample)]) body(static_cast<Index>(place_[at(p)]));
  }

 private:
  void sort(Index b) {
    if (sorted_[at(b)]) return;
    sorted_[at(b)] = 1;
    std::vector<std::pair<std::uint64_t, std::int32_t>> members;
    for (Index p = start_[at(b)]; p < start_[at(b + 1)]; ++p)
      members.emplace_back(hash_[at(place_[at(p)])], place_[at(p)]);
    std::sort(members.begin(), members.end());
    for (std::size_t m = 0; m < members.size(); ++m) place_[at(start_[at(b)]) + m] = members[m].second;
  }

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  std::vector<std::uint64_t> hash_;
  std::vector<std::int32_t> place_;  // samples, bin after bin
  std::vector<Index> start_;
  std::vector<std::uint8_t> sorted_;
  int bits_ = 1;
};

}  // namespace shoal::centroid
