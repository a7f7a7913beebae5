#include "mixture/local_covariance.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "parallel/parallel_for.hpp"

namespace shoal::mixture {
namespace {

using neighbors::KDTree;
using neighbors::Node;
using neighbors::RTree;
using Square = std::vector<double>;  // d x d

std::size_t size_of(Index n) {
  return static_cast<std::size_t>(n);
}

// A background is looked for up to so many features (in more, there is too much room for it to matter), and where
// neighbours leave at least so much of the widest cut; there it counts from nothing to in full.
constexpr Index most_features_for_background = 8;
constexpr double least_cut_for_background = 0.7;
// How many other centroids bound the cut: the nearest.
constexpr Index most_others = 64;
// The first iterations look at about so many points.
constexpr Index first_points = 2048;
// Points are gathered from a box so much wider than the ellipsoid asks for, so that it may grow.
constexpr double margin = 1.2;
constexpr int most_gatherings = 10;
// Changes so small are none.
constexpr double rounding = 1e-13;

// The lower triangle L of sigma = L L'; false when sigma is not positive definite.
bool cholesky(const Square& sigma, Index d, Square& lower) {
  lower.assign(size_of(d * d), 0.0);
  for (Index i = 0; i < d; ++i)
    for (Index j = 0; j <= i; ++j) {
      double sum = sigma[size_of(i * d + j)];
      for (Index k = 0; k < j; ++k) sum -= lower[size_of(i * d + k)] * lower[size_of(j * d + k)];
      if (i == j && !(sum > 0)) return false;
      lower[size_of(i * d + j)] = i == j ? std::sqrt(sum) : sum / lower[size_of(j * d + j)];
    }
  return true;
}

// L becomes its inverse.
void invert_lower(Square& lower, Index d) {
  for (Index j = 0; j < d; ++j) {
    lower[size_of(j * d + j)] = 1 / lower[size_of(j * d + j)];
    for (Index i = j + 1; i < d; ++i) {
      double sum = 0;
      for (Index k = j; k < i; ++k) sum -= lower[size_of(i * d + k)] * lower[size_of(k * d + j)];
      lower[size_of(i * d + j)] = sum / lower[size_of(i * d + i)];
    }
  }
}

// Points relative to a centroid, in blocks of `lanes`, feature by feature.
constexpr Index lanes = 32;
class Around {
 public:
  void clear(Index n_features) {
    d_ = n_features;
    n_ = 0;
    values_.clear();
    weights_.clear();
  }
  /// Where the next point's features go, `lanes` apart.
  double* add(double weight) {
    if (n_ % lanes == 0) {
      values_.resize(values_.size() + size_of(lanes * d_), 0.0);
      weights_.resize(weights_.size() + size_of(lanes), 0.0);
    }
    const Index i = n_++;
    weights_[size_of(i)] = weight;
    return values_.data() + i / lanes * d_ * lanes + i % lanes;
  }
  /// Every stride-th point of another.
  void take(const Around& from, Index stride) {
    clear(from.d_);
    for (Index i = stride / 2; i < from.n_; i += stride) {
      double* to = add(from.weights_[size_of(i)]);
      const double* point = from.block(i / lanes) + i % lanes;
      for (Index f = 0; f < d_; ++f) to[f * lanes] = point[f * lanes];
    }
  }
  Index size() const { return n_; }
  Index n_features() const { return d_; }
  Index n_blocks() const { return (n_ + lanes - 1) / lanes; }
  const double* block(Index b) const { return values_.data() + b * d_ * lanes; }
  /// 0 behind the last point.
  const double* weights(Index b) const { return weights_.data() + b * lanes; }

 private:
  Index d_ = 0;
  Index n_ = 0;
  std::vector<double> values_, weights_;
};

template <class T>
void gather_leaf(const KDTree<T>& nodes, Index leaf, std::uint64_t mask, const double* center, Around& out) {
  const Index d = nodes.n_features();
  const T* points = nodes.leaf(leaf);
  for (; mask; mask &= mask - 1) {
    const Index i = std::countr_zero(mask);
    const auto weight = static_cast<double>(nodes.weight(leaf * nodes.leaf_size() + i));
    if (!(weight > 0)) continue;
    double* to = out.add(weight);
    for (Index f = 0; f < d; ++f) to[f * lanes] = static_cast<double>(points[f * nodes.leaf_size() + i]) - center[f];
  }
}
template <class T>
void gather_node(const KDTree<T>& nodes, Node node, const double* center, Around& out) {
  const Index last = (nodes.end(node) + nodes.leaf_size() - 1) / nodes.leaf_size();
  for (Index leaf = nodes.begin(node) / nodes.leaf_size(); leaf < last; ++leaf)
    gather_leaf(nodes, leaf, nodes.members_of_leaf(leaf), center, out);
}

// m^2 of a block's points.
void sq_mahalanobis(const double* block, const Square& whiten, Index d, double* out) {
  std::fill_n(out, lanes, 0.0);
  for (Index k = 0; k < d; ++k) {
    double y[lanes] = {};
    for (Index l = 0; l <= k; ++l) {
      const double a = whiten[size_of(k * d + l)];
      const double* x = block + l * lanes;
      for (Index i = 0; i < lanes; ++i) y[i] += a * x[i];
    }
    for (Index i = 0; i < lanes; ++i) out[i] += y[i] * y[i];
  }
}

// sum of w, and of w x x' (lower triangle, the sums of eight lanes).
class Moments {
 public:
  void clear(Index d) {
    d_ = d;
    total_ = 0;
    sums_.assign(size_of(d * (d + 1) / 2 * 8), 0.0);
  }
  void add(const double* block, const double* w) {
    for (Index i = 0; i < lanes; ++i) total_ += w[i];
    double* sum = sums_.data();
    for (Index f = 0; f < d_; ++f) {
      double wx[lanes];
      for (Index i = 0; i < lanes; ++i) wx[i] = w[i] * block[f * lanes + i];
      for (Index g = 0; g <= f; ++g, sum += 8) {
        const double* x = block + g * lanes;
        for (Index i = 0; i < lanes; i += 8)
          for (Index j = 0; j < 8; ++j) sum[j] += wx[i + j] * x[i + j];
      }
    }
  }
  double total() const { return total_; }
  /// sigma = sums / divisor + ridge.
  void covariance(double divisor, double ridge, Square& sigma) const {
    sigma.resize(size_of(d_ * d_));
    const double* sum = sums_.data();
    for (Index f = 0; f < d_; ++f)
      for (Index g = 0; g <= f; ++g, sum += 8) {
        const double all = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
        const double value = divisor > 0 ? all / divisor : 0;
        sigma[size_of(f * d_ + g)] = sigma[size_of(g * d_ + f)] = value + (f == g ? ridge : 0);
      }
  }

 private:
  Index d_ = 0;
  double total_ = 0;
  std::vector<double> sums_;
};

double largest_entry(const Square& a) {
  double most = 0;
  for (const double value : a) most = std::max(most, std::abs(value));
  return most;
}
double largest_change(const Square& a, const Square& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

struct Other {
  double distance;
  std::vector<double> direction;
};

// One cluster's estimate.
template <class T>
class Estimate {
 public:
  Estimate(const RTree<T>& tree, const CovarianceOptions& options, const Consistency& consistency, Run& run, int thread)
      : tree_(tree),
        options_(options),
        consistency_(consistency),
        d_(tree.nodes().n_features()),
        run_(run),
        thread_(thread) {}

  void of(Points<const double> centers, Index c) {
    center_ = centers.row(c);
    n_iter = 0;
    converged = false;
    look_around(centers, c);
    gather_ball(options_.reach * nearest_);
    if (options_.paper_exact)
      as_written();
    else
      consistent();
  }

  Square sigma;
  double weight = 0;
  double cut = 0;
  Index n_iter = 0;
  bool converged = false;

 private:
  void look_around(Points<const double> centers, Index c) {
    std::vector<std::pair<double, Index>> by_distance;
    for (Index j = 0; j < centers.n_samples; ++j) {
      if (j == c) continue;
      double sum = 0;
      for (Index f = 0; f < d_; ++f) sum += (centers.row(j)[f] - center_[f]) * (centers.row(j)[f] - center_[f]);
      if (sum > 0) by_distance.emplace_back(std::sqrt(sum), j);
    }
    const auto n = std::min<std::ptrdiff_t>(most_others, std::ssize(by_distance));
    std::partial_sort(by_distance.begin(), by_distance.begin() + n, by_distance.end());
    others_.clear();
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const auto [distance, j] = by_distance[size_of(i)];
      Other other{distance, std::vector<double>(size_of(d_))};
      for (Index f = 0; f < d_; ++f) other.direction[size_of(f)] = (centers.row(j)[f] - center_[f]) / distance;
      others_.push_back(std::move(other));
    }
    nearest_ = others_.empty() ? std::numeric_limits<double>::infinity() : others_.front().distance;
  }

  void gather_ball(double radius) {
    const KDTree<T>& nodes = tree_.nodes();
    all_.clear(d_);
    std::vector<T> query(size_of(d_));
    for (Index f = 0; f < d_; ++f) query[size_of(f)] = static_cast<T>(center_[f]);
    neighbors::visit_within(
        nodes, query.data(), static_cast<T>(radius * radius),
        [&](Node node) {
          gather_node(nodes, node, center_, all_);
          return true;
        },
        [&](Index leaf, std::uint64_t mask, const T*) {
          gather_leaf(nodes, leaf, mask, center_, all_);
          return true;
        });
  }

  void gather_box() {
    std::vector<T> low(size_of(d_)), high(size_of(d_));
    for (Index f = 0; f < d_; ++f) {
      const double half = margin * cut * std::sqrt(sigma[size_of(f * d_ + f)]);
      gathered_[size_of(f)] = half;
      low[size_of(f)] = static_cast<T>(center_[f] - half);
      high[size_of(f)] = static_cast<T>(center_[f] + half);
    }
    all_.clear(d_);
    neighbors::visit_box(
        tree_, low.data(), high.data(), [&](Node node) { gather_node(tree_.nodes(), node, center_, all_); },
        [&](Index leaf, std::uint64_t mask) { gather_leaf(tree_.nodes(), leaf, mask, center_, all_); });
  }
  bool outgrew_box() const {
    for (Index f = 0; f < d_; ++f)
      if (cut * std::sqrt(sigma[size_of(f * d_ + f)]) > gathered_[size_of(f)]) return true;
    return false;
  }

  double cut_of(const Square& s) const {
    double least = consistency_.widest();
    for (const Other& other : others_) {
      double along = 0;
      for (Index f = 0; f < d_; ++f)
        for (Index g = 0; g < d_; ++g)
          along += other.direction[size_of(f)] * s[size_of(f * d_ + g)] * other.direction[size_of(g)];
      least = std::min(least, options_.reach * other.distance / std::sqrt(along));
    }
    return std::max(least, consistency_.narrowest());
  }
  // The covariance of the points at hand, scaled so that the median of m^2 is a Gaussian's.
  void start() {
    some_.take(all_, std::max<Index>(1, all_.size() / first_points));
    moments_.clear(d_);
    for (Index b = 0; b < some_.n_blocks(); ++b) moments_.add(some_.block(b), some_.weights(b));
    moments_.covariance(moments_.total(), options_.ridge, sigma);
    if (!cholesky(sigma, d_, whiten_)) return;
    invert_lower(whiten_, d_);
    std::vector<std::pair<double, double>> found;  // m^2, weight
    for (Index b = 0; b < some_.n_blocks(); ++b) {
      double m[lanes];
      sq_mahalanobis(some_.block(b), whiten_, d_, m);
      for (Index i = 0; i < lanes; ++i)
        if (some_.weights(b)[i] > 0) found.emplace_back(m[i], some_.weights(b)[i]);
    }
    std::sort(found.begin(), found.end());
    double below = 0;
    std::size_t at = 0;
    while (at + 1 < found.size() && 2 * (below + found[at].second) < moments_.total()) below += found[at++].second;
    const double k = static_cast<double>(d_);
    const double gaussian = k * std::pow(1 - 2 / (9 * k), 3);  // Wilson and Hilferty's median of chi^2(k)
    if (found.empty() || !(found[at].first > 0)) return;
    const double scale = found[at].first / gaussian;
    for (Index f = 0; f < d_; ++f)
      for (Index g = 0; g < d_; ++g)
        sigma[size_of(f * d_ + g)] =
            (sigma[size_of(f * d_ + g)] - (f == g ? options_.ridge : 0)) * scale + (f == g ? options_.ridge : 0);
  }

  // sigma <- F(sigma) over the points given.
  bool step(const Around& points) {
    if (!cholesky(sigma, d_, whiten_)) return false;
    invert_lower(whiten_, d_);
    cut = cut_of(sigma);
    const double sq_cut = cut * cut;
    moments_.clear(d_);
    double ring = 0;
    for (Index b = 0; b < points.n_blocks(); ++b) {
      double m[lanes], w[lanes];
      sq_mahalanobis(points.block(b), whiten_, d_, m);
      for (Index i = 0; i < lanes; ++i) {
        const double t = Consistency::taper(m[i], sq_cut);
        const double weight_of_point = points.weights(b)[i];
        ring += weight_of_point * 4 * t * (1 - t);
        w[i] = weight_of_point * t * consistency_.weight(m[i]);
      }
      moments_.add(points.block(b), w);
    }
    const Consistency::Sums of = consistency_.sums(cut);
    const double background = background_of(of, moments_.total(), ring);
    weight = (moments_.total() - background * of.volume) / of.share;
    moments_.covariance(weight * of.square, options_.ridge, after_);
    if (background > 0) {
      const double part = background * of.volume_square / (weight * of.square);
      for (std::size_t i = 0; i < sigma.size(); ++i) after_[i] -= part * sigma[i];
      if (!cholesky(after_, d_, whiten_)) {
        weight = moments_.total() / of.share;
        moments_.covariance(weight * of.square, options_.ridge, after_);
      }
    }
    sigma.swap(after_);
    return true;
  }

  // The uniform density that, with a Gaussian, makes up the weight found and the weight of the ring at the rim.
  double background_of(const Consistency::Sums& of, double found, double ring) const {
    const double fade = (cut / consistency_.widest() - least_cut_for_background) / (1 - least_cut_for_background);
    if (d_ > most_features_for_background || !(fade > 0)) return 0;
    const double rim = of.ring / of.share;
    const double density = (ring - found * rim) / (of.volume_ring - of.volume * rim);
    return std::clamp(density, 0.0, found / of.volume / 2) * std::min(fade, 1.0);
  }

  // Steps until sigma rests. Every third one goes on to where a geometric series of steps would end.
  bool settle(const Around& points, double tol, Index max_iter, bool may_outgrow) {
    double change_before = 0;
    int since = 0;
    for (Index i = 0; i < max_iter && !run_.interrupted(thread_); ++i) {
      before_ = sigma;
      if (!step(points)) {
        sigma = before_;
        return false;
      }
      ++n_iter;
      const double change = largest_change(sigma, before_);
      if (change <= std::max(tol, rounding) * largest_entry(sigma)) return true;
      if (may_outgrow && outgrew_box()) return false;
      const double ratio = change / change_before;
      if (++since >= 3 && ratio > 0.05 && ratio < 0.95) {
        stepped_ = sigma;
        const double further = ratio / (1 - ratio);
        for (std::size_t j = 0; j < sigma.size(); ++j) sigma[j] += further * (sigma[j] - before_[j]);
        bool shrunk = false;  // no variance may fall by more than half at once
        for (Index f = 0; f < d_; ++f) shrunk |= !(sigma[size_of(f * d_ + f)] > stepped_[size_of(f * d_ + f)] / 2);
        if (shrunk || !cholesky(sigma, d_, whiten_)) sigma = stepped_;
        since = 0;
      }
      change_before = change;
    }
    return false;
  }

  void consistent() {
    start();
    cut = cut_of(sigma);
    gathered_.assign(size_of(d_), 0.0);
    for (int gathering = 0; gathering < most_gatherings && !run_.interrupted(thread_); ++gathering) {
      gather_box();
      const Index stride = all_.size() / first_points;
      if (stride > 1) {
        some_.take(all_, stride);
        settle(some_, std::max(options_.tol, 0.02), options_.max_iter, true);
        cut = cut_of(sigma);
        if (outgrew_box()) continue;
      }
      const Index before = n_iter;
      converged = settle(all_, options_.tol, options_.max_iter, true);
      cut = cut_of(sigma);
      if (converged || !outgrew_box() || n_iter - before >= options_.max_iter) break;
    }
  }

  // Equations (4) to (8): p sums to 1 over the points at hand, the sum is divided by their number.
  void as_written() {
    cut = consistency_.widest();
    weight = 0;
    moments_.clear(d_);
    for (Index b = 0; b < all_.n_blocks(); ++b) moments_.add(all_.block(b), all_.weights(b));
    weight = moments_.total();
    moments_.covariance(weight, options_.ridge, sigma);
    std::vector<double> m(size_of(all_.n_blocks() * lanes));
    for (Index i = 0; i < options_.max_iter && !converged && !run_.interrupted(thread_); ++i) {
      if (!cholesky(sigma, d_, whiten_)) return;
      invert_lower(whiten_, d_);
      double least = std::numeric_limits<double>::infinity();
      for (Index b = 0; b < all_.n_blocks(); ++b) {
        sq_mahalanobis(all_.block(b), whiten_, d_, m.data() + b * lanes);
        for (Index j = 0; j < lanes; ++j)
          if (all_.weights(b)[j] > 0) least = std::min(least, m[size_of(b * lanes + j)]);
      }
      double total = 0;
      for (std::size_t j = 0; j < m.size(); ++j) {
        m[j] = std::exp((least - m[j]) / 2);
        total += all_.weights(0)[j] * m[j];
      }
      moments_.clear(d_);
      for (Index b = 0; b < all_.n_blocks(); ++b) {
        double w[lanes];
        for (Index j = 0; j < lanes; ++j) {
          const double p = m[size_of(b * lanes + j)] / total;
          w[j] = all_.weights(b)[j] * p / (p + options_.softening);
        }
        moments_.add(all_.block(b), w);
      }
      before_ = sigma;
      moments_.covariance(weight, options_.ridge, sigma);
      ++n_iter;
      converged = largest_change(sigma, before_) <= std::max(options_.tol, rounding) * largest_entry(sigma);
    }
  }

  const RTree<T>& tree_;
  const CovarianceOptions& options_;
  const Consistency& consistency_;
  Index d_;
  Run& run_;
  int thread_;
  const double* center_ = nullptr;
  std::vector<Other> others_;
  double nearest_ = 0;
  Around all_, some_;
  Moments moments_;
  Square whiten_, before_, after_, stepped_;
  std::vector<double> gathered_;
};

}  // namespace

template <class T>
LocalCovariances local_covariances(const RTree<T>& tree, Points<const double> centers, const CovarianceOptions& options,
                                   Run& run) {
  const Index n = centers.n_samples;
  const Index d = centers.n_features;
  const Consistency consistency(options.softening, d);
  LocalCovariances out;
  out.covariances.resize(size_of(n * d * d));
  out.weight.resize(size_of(n));
  out.cut.resize(size_of(n));
  std::vector<Index> n_iter(size_of(n));
  std::vector<char> converged(size_of(n));
  const parallel::Blocks blocks{n, 1};
  const double work = 20.0 * static_cast<double>(tree.nodes().n_samples() * d * d);
  parallel::for_blocks(blocks, run, work, [&](Index c, int thread) {
    Estimate<T> estimate(tree, options, consistency, run, thread);
    estimate.of(centers, c);
    std::copy(estimate.sigma.begin(), estimate.sigma.end(), out.covariances.begin() + c * d * d);
    out.weight[size_of(c)] = estimate.weight;
    out.cut[size_of(c)] = estimate.cut;
    n_iter[size_of(c)] = estimate.n_iter;
    converged[size_of(c)] = estimate.converged;
  });
  out.n_iter = *std::max_element(n_iter.begin(), n_iter.end());
  out.converged = std::all_of(converged.begin(), converged.end(), [](char one) { return one != 0; });
  return out;
}

template LocalCovariances local_covariances(const RTree<float>&, Points<const double>, const CovarianceOptions&, Run&);
template LocalCovariances local_covariances(const RTree<double>&, Points<const double>, const CovarianceOptions&, Run&);

}  // namespace shoal::mixture
