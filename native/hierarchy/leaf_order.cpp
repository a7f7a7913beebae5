#include "hierarchy/leaf_order.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <tuple>
#include <utility>

#include "parallel/parallel_for.hpp"
#include "simd/aligned.hpp"

namespace shoal::hierarchy {

template <>
const MinPlusKernels<float>& min_plus<float>() {
  return SHOAL_PICK_TABLE(min_plus_f32);
}
template <>
const MinPlusKernels<double>& min_plus<double>() {
  return SHOAL_PICK_TABLE(min_plus_f64);
}

namespace {

// Below this many sums a product is done in plain loops: packing would cost more.
constexpr Index small_product = 512;

struct Place {
  std::int32_t begin, middle, end;  // the leaves below a node; those from `middle` on are below its right child
};

template <class T>
class Table {
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };

 public:
  Table(std::span<const std::int32_t> left, std::span<const std::int32_t> right, std::span<const T> condensed, Run& run)
      : left_(left),
        right_(right),
        condensed_(condensed),
        n_(static_cast<Index>(left.size()) + 1),
        places_(static_cast<std::size_t>(2 * n_ - 1)),
        leaf_(static_cast<std::size_t>(n_)),
        table_(static_cast<T*>(std::calloc(static_cast<std::size_t>(n_ * n_), sizeof(T)))),
        run_(run) {
    if (!table_) throw std::bad_alloc();
    lay_out();
    fill();
  }

  std::vector<std::uint8_t> flags() {
    double done = 0;
    for (Index node = n_; node < 2 * n_ - 2; ++node) {
      join(at(node), at(left_child(node)), at(right_child(node)));
      done += 1;
      run_.progress("order of leaves", done, static_cast<double>(n_ - 1));
    }
    return read_back();
  }

 private:
  const Place& at(Index node) const { return places_[static_cast<std::size_t>(node)]; }
  Index left_child(Index node) const { return left_[static_cast<std::size_t>(node - n_)]; }
  Index right_child(Index node) const { return right_[static_cast<std::size_t>(node - n_)]; }
  static bool is_leaf(const Place& v) { return v.end - v.begin == 1; }
  static Range low(const Place& v) { return {v.begin, v.middle}; }
  static Range high(const Place& v) { return {v.middle, v.end}; }
  T& entry(Index i, Index j) { return table_.get()[i * n_ + j]; }

  /// The leaves of v that may be the other end of a way from leaf i.
  static Range across(const Place& v, Index i) {
    if (is_leaf(v)) return {v.begin, v.end};
    return i < v.middle ? high(v) : low(v);
  }

  T distance(Index i, Index j) const {
    Index x = leaf_[static_cast<std::size_t>(i)], y = leaf_[static_cast<std::size_t>(j)];
    if (x > y) std::swap(x, y);
    return condensed_[static_cast<std::size_t>(x * (2 * n_ - x - 1) / 2 + (y - x - 1))];
  }

  // Ranges of leaves, as the tree has them from left to right.
  void lay_out() {
    std::vector<std::int32_t> size(static_cast<std::size_t>(2 * n_ - 1), 1);
    for (Index node = n_; node < 2 * n_ - 1; ++node)
      size[static_cast<std::size_t>(node)] =
          size[static_cast<std::size_t>(left_child(node))] + size[static_cast<std::size_t>(right_child(node))];
    places_.back().begin = 0;
    for (Index node = 2 * n_ - 2; node >= 0; --node) {
      Place& v = places_[static_cast<std::size_t>(node)];
      v.middle = v.end = v.begin + size[static_cast<std::size_t>(node)];
      if (node < n_) {
        leaf_[static_cast<std::size_t>(v.begin)] = static_cast<std::int32_t>(node);
        continue;
      }
      v.middle = v.begin + size[static_cast<std::size_t>(left_child(node))];
      places_[static_cast<std::size_t>(left_child(node))].begin = v.begin;
      places_[static_cast<std::size_t>(right_child(node))].begin = v.middle;
    }
  }

  // The distances, read in their own order: each into one half of the matrix, then both halves the same.
  void fill() {
    std::vector<std::int32_t> position(static_cast<std::size_t>(n_));
    for (Index i = 0; i < n_; ++i)
      position[static_cast<std::size_t>(leaf_[static_cast<std::size_t>(i)])] = static_cast<std::int32_t>(i);
    const T* next = condensed_.data();
    for (Index x = 0; x < n_; ++x) {
      T* row = table_.get() + position[static_cast<std::size_t>(x)] * n_;
      for (Index y = x + 1; y < n_; ++y) row[position[static_cast<std::size_t>(y)]] = *next++;
      run_.checkpoint();
    }
    constexpr Index side = 32;
    for (Index i = 0; i < n_; i += side) {
      for (Index j = i; j < n_; j += side)
        for (Index p = i; p < std::min(i + side, n_); ++p)
          for (Index q = std::max(j, p + 1); q < std::min(j + side, n_); ++q)
            entry(p, q) = entry(q, p) = entry(p, q) + entry(q, p);  // one of them is zero still
      run_.checkpoint();
    }
  }

  // table[p][q] = min over k of table[k][p] + table[k][q], and of what is there.
  void product(Range k, Range p, Range q) {
    const Index sums = k.size() * p.size() * q.size();
    if (sums <= small_product) {
      for (Index i = p.begin; i < p.end; ++i)
        for (Index j = q.begin; j < q.end; ++j) {
          T least = std::numeric_limits<T>::infinity();
          for (Index m = k.begin; m < k.end; ++m) least = std::min(least, entry(m, i) + entry(m, j));
          entry(i, j) = least;
        }
      return;
    }
    if (scratch_.empty())
      scratch_.resize(static_cast<std::size_t>(parallel::n_threads()),
                      AlignedVector<T>(static_cast<std::size_t>(min_plus_scratch)));
    const auto pieces = [](Index size) { return (size + min_plus_length - 1) / min_plus_length; };
    const auto cut = [](Range range, Index piece) {
      const Index begin = range.begin + piece * min_plus_length;
      return Range{begin, std::min(range.end, begin + min_plus_length)};
    };
    const parallel::Blocks blocks{pieces(p.size()) * pieces(q.size()), 1};
    parallel::for_blocks(blocks, run_, 0.1 * static_cast<double>(sums), [&](Index b, int thread) {
      const Range rows = cut(p, b / pieces(q.size())), columns = cut(q, b % pieces(q.size()));
      for (Index piece = 0; piece < pieces(k.size()); ++piece) {
        if (run_.interrupted(thread)) return;
        kernels_.product(table_.get(), n_, cut(k, piece), rows, columns, piece == 0,
                         scratch_[static_cast<std::size_t>(thread)].data());
      }
    });
  }

  // The ways through v, from those through its children a (on the left) and b: first table[k][i] in the lower block,
  // the ways from i through a and on to k; then table[i][j] in the upper one; then both the same.
  void join(const Place& v, const Place& a, const Place& b) {
    if (!is_leaf(a)) {
      product(high(a), high(v), low(a));
      product(low(a), high(v), high(a));
    }
    if (!is_leaf(b)) {
      product(high(b), low(v), low(b));
      product(low(b), low(v), high(b));
      mirror(low(v), high(v));
    } else {
      mirror(high(v), low(v));
    }
    run_.checkpoint();
  }

  // table[q][p] = table[p][q]
  void mirror(Range p, Range q) {
    constexpr Index side = 32;
    const parallel::Blocks strips = {p.size(), side};
    const double work = static_cast<double>(p.size() * q.size());
    parallel::for_blocks(strips, run_, work, [&](Index b, int) {
      const Index begin = p.begin + strips.begin(b), end = p.begin + strips.end(b);
      for (Index j = q.begin; j < q.end; j += side)
        for (Index row = begin; row < end; ++row)
          for (Index column = j; column < std::min(j + side, q.end); ++column) entry(column, row) = entry(row, column);
    });
  }

  // From the root down: which leaves are the ends of each node, and so which of its children stands on the left.
  std::vector<std::uint8_t> read_back() {
    struct Task {
      Index node;
      Index first, last;  // the leaves on the left and on the right; unknown for the root
    };
    std::vector<std::uint8_t> swapped(static_cast<std::size_t>(n_ - 1));
    std::vector<Task> todo{{2 * n_ - 2, -1, -1}};
    while (!todo.empty()) {
      Task task = todo.back();
      todo.pop_back();
      Index a = left_child(task.node), b = right_child(task.node);
      Index m, k;
      if (task.first < 0) {
        std::tie(m, k) = best_of_root(at(a), at(b));
        task.first = nearest_end(at(a), m);
        task.last = nearest_end(at(b), k);
      } else {
        if (task.first >= at(task.node).middle) {
          std::swap(a, b);
          swapped[static_cast<std::size_t>(task.node - n_)] = 1;
        }
        std::tie(m, k) = best_between(at(a), task.first, at(b), task.last);
      }
      if (a >= n_) todo.push_back({a, task.first, m});
      if (b >= n_) todo.push_back({b, k, task.last});
      run_.checkpoint();
    }
    return swapped;
  }

  Index nearest_end(const Place& v, Index from) {
    const Range others = across(v, from);
    Index best = others.begin;
    for (Index i = others.begin; i < others.end; ++i)
      if (entry(from, i) < entry(from, best)) best = i;
    return best;
  }

  std::pair<Index, Index> best_of_root(const Place& a, const Place& b) {
    std::vector<T> way(static_cast<std::size_t>(n_));
    for (const Place* v : {&a, &b})
      for (Index i = v->begin; i < v->end; ++i) {
        way[static_cast<std::size_t>(i)] = entry(i, nearest_end(*v, i));
        run_.checkpoint();
      }
    return best_pair({a.begin, a.end}, {b.begin, b.end}, way.data(), way.data());
  }

  std::pair<Index, Index> best_between(const Place& a, Index first, const Place& b, Index last) {
    return best_pair(across(a, first), across(b, last), &entry(first, 0), &entry(last, 0));
  }

  // The first pair (m, k), by the order of the leaves, with the least way_a[m] + distance(m, k) + way_b[k].
  std::pair<Index, Index> best_pair(Range m, Range k, const T* way_a, const T* way_b) {
    std::pair<Index, Index> best{m.begin, k.begin};
    T least = std::numeric_limits<T>::infinity();
    for (Index i = m.begin; i < m.end; ++i) {
      for (Index j = k.begin; j < k.end; ++j) {
        const T way = (way_a[i] + distance(i, j)) + way_b[j];
        if (way < least) {
          least = way;
          best = {i, j};
        }
      }
      run_.checkpoint();
    }
    return best;
  }

  const MinPlusKernels<T>& kernels_ = min_plus<T>();
  std::span<const std::int32_t> left_, right_;
  std::span<const T> condensed_;
  Index n_;
  std::vector<Place> places_;       // of each node
  std::vector<std::int32_t> leaf_;  // at each position
  std::unique_ptr<T, Free> table_;  // n x n; see the header. Zeros, laid out row by row as they are filled
  std::vector<AlignedVector<T>> scratch_;
  Run& run_;
};

}  // namespace

template <class T>
std::vector<std::uint8_t> order_leaves(std::span<const std::int32_t> left, std::span<const std::int32_t> right,
                                       std::span<const T> condensed, Run& run) {
  return Table<T>(left, right, condensed, run).flags();
}

template std::vector<std::uint8_t> order_leaves(std::span<const std::int32_t>, std::span<const std::int32_t>,
                                                std::span<const float>, Run&);
template std::vector<std::uint8_t> order_leaves(std::span<const std::int32_t>, std::span<const std::int32_t>,
                                                std::span<const double>, Run&);

}  // namespace shoal::hierarchy
