#include "exemplar/affinity_propagation.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <type_traits>

#include "base/large_pages.hpp"
#include "parallel/parallel_for.hpp"

namespace shoal::exemplar {

template <>
const MessageKernels<float>& message_kernels<float>() {
  return SHOAL_PICK_TABLE(message_table).f32;
}
template <>
const MessageKernels<double>& message_kernels<double>() {
  return SHOAL_PICK_TABLE(message_table).f64;
}

namespace {

using parallel::Blocks;
using parallel::blocks_of;
using parallel::for_blocks;

// Zeros that the system lays out when they are first touched.
template <class T>
class Zeros {
 public:
  explicit Zeros(Index n) : data_(static_cast<T*>(std::calloc(static_cast<std::size_t>(n), sizeof(T)))) {
    if (!data_) throw std::bad_alloc();
    base::on_large_pages(data_.get(), static_cast<std::size_t>(n) * sizeof(T));
  }
  T* get() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
};

// For how many iterations each sample has been what it is, exemplar or not.
class Steadiness {
 public:
  explicit Steadiness(Index n) : exemplar(static_cast<std::size_t>(n)), steady_(static_cast<std::size_t>(n)) {}

  std::vector<std::uint8_t> exemplar;

  void see(std::size_t k, bool now) {
    steady_[k] = static_cast<bool>(exemplar[k]) == now ? steady_[k] + 1 : 1;
    exemplar[k] = now;
  }
  /// Nobody changed in the last `iterations`, and there is an exemplar.
  bool settled(Index iterations) const {
    return std::all_of(steady_.begin(), steady_.end(), [&](Index run) { return run >= iterations; }) &&
           std::find(exemplar.begin(), exemplar.end(), 1) != exemplar.end();
  }

 private:
  std::vector<Index> steady_;
};

// Iterates `sweep` until the exemplars are steady; evidence(k) = a(k, k) + r(k, k).
template <class Sweep, class Evidence>
Exemplars iterate(Index n, const Settings& settings, Run& run, Sweep&& sweep, Evidence&& evidence) {
  Steadiness state(n);
  Exemplars out;
  while (out.n_iter < settings.max_iter && !out.converged) {
    sweep();
    for (Index k = 0; k < n; ++k) state.see(static_cast<std::size_t>(k), evidence(k) > 0);
    out.converged = out.n_iter >= settings.convergence_iter && state.settled(settings.convergence_iter);
    ++out.n_iter;
    run.progress("messages", static_cast<double>(out.n_iter), static_cast<double>(settings.max_iter));
  }
  for (Index k = 0; k < n; ++k)
    if (state.exemplar[static_cast<std::size_t>(k)]) out.exemplars.push_back(k);
  return out;
}

// Members of each cluster, ascending.
std::vector<std::vector<Index>> members_of(const std::vector<std::int64_t>& labels, std::size_t n_clusters) {
  std::vector<std::vector<Index>> members(n_clusters);
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= 0) members[static_cast<std::size_t>(labels[i])].push_back(static_cast<Index>(i));
  return members;
}

// Exemplars in ascending order, labels renamed with them.
void sort_exemplars(Exemplars& out) {
  std::vector<std::size_t> order(out.exemplars.size());
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return out.exemplars[a] < out.exemplars[b]; });
  std::vector<std::int64_t> rank(order.size()), sorted(order.size());
  for (std::size_t c = 0; c < order.size(); ++c) {
    rank[order[c]] = static_cast<std::int64_t>(c);
    sorted[c] = out.exemplars[order[c]];
  }
  for (std::int64_t& label : out.labels)
    if (label >= 0) label = rank[static_cast<std::size_t>(label)];
  out.exemplars = std::move(sorted);
}

// Clusters around the exemplars, the best member of each, clusters around these. nearest(i): the label of sample i;
// best(members, cluster): the member that serves the others best.
template <class Nearest, class Best>
void settle(Exemplars& out, Index n, Run& run, Nearest&& nearest, Best&& best) {
  const auto assign = [&] {
    out.labels.resize(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      out.labels[static_cast<std::size_t>(i)] = nearest(i);
      if (i % 256 == 0) run.checkpoint();
    }
    for (std::size_t c = 0; c < out.exemplars.size(); ++c)
      out.labels[static_cast<std::size_t>(out.exemplars[c])] = static_cast<std::int64_t>(c);
  };
  assign();
  const auto members = members_of(out.labels, out.exemplars.size());
  for (std::size_t c = 0; c < members.size(); ++c) {
    out.exemplars[c] = best(members[c], c);
    run.checkpoint();
  }
  assign();
  sort_exemplars(out);
}

// --- all pairs ----------------------------------------------------------------------------------------------

// The availabilities of one row that are not those of their columns; all of them once they are many.
template <class T>
struct OwnAvailabilities {
  std::vector<std::int32_t> column;  // ascending; empty when `value` holds the whole row
  std::vector<T> value;
};

// a(i, k) depends on the row only where r(i, k) is or was positive: elsewhere the same steps lead to the same bits in
// all rows of a column. So one vector stands for the matrix, beside what the rows have of their own.
template <class T>
class Messages {
 public:
  Messages(Points<const T> s, const Settings& settings)
      : s_(s),
        n_(s.n_samples),
        damping_(static_cast<T>(settings.damping)),
        rest_(static_cast<T>(1 - settings.damping)),
        r_(n_ * n_),
        column_a_(static_cast<std::size_t>(n_)),
        diagonal_a_(static_cast<std::size_t>(n_)),
        own_(static_cast<std::size_t>(n_)),
        sum_(static_cast<std::size_t>(n_)),
        column_sum_(static_cast<std::size_t>(n_)),
        blocks_(blocks_of(n_, static_cast<std::size_t>(n_) * sizeof(T), std::size_t{1} << 17, 1)),
        scratch_(static_cast<std::size_t>(parallel::n_threads())) {}

  void sweep(Run& run) {
    std::transform(sum_.begin(), sum_.end(), column_sum_.begin(), [](double value) { return static_cast<T>(value); });
    std::fill(sum_.begin(), sum_.end(), 0.0);
    for (std::size_t k = 0; k < column_a_.size(); ++k) column_a_[k] = next_a(column_a_[k], T{0}, k);
    for (Scratch& own : scratch_) own.fresh = false;
    // A block's columns are added when it is its turn; for_blocks hands blocks out in order.
    std::atomic<Index> turn{0};
    std::atomic<bool> failed{false};  // a turn that never ends: nobody waits for it
    for_blocks(blocks_, run, parallel::work_of_step(3.0 * static_cast<double>(n_ * n_)), [&](Index b, int thread) {
      try {
        const Index begin = blocks_.begin(b), end = blocks_.end(b);
        Scratch& own = scratch_[static_cast<std::size_t>(thread)];
        own.prepare(column_a_, blocks_.length);
        for (Index i = begin; i < end; ++i) update(i, i - begin, own);
        while (turn.load(std::memory_order_acquire) != b) {
          if (failed.load(std::memory_order_relaxed) || run.interrupted(thread)) return;
          std::this_thread::yield();
        }
        for (Index i = begin; i < end; ++i) add(i, own.positive_of(i - begin));
      } catch (...) {
        failed.store(true, std::memory_order_relaxed);
        throw;
      }
      turn.store(b + 1, std::memory_order_release);
    });
    run.checkpoint();
  }

  T evidence(Index k) const {
    const T r = r_.get()[k * n_ + k];
    const auto at = static_cast<std::size_t>(k);
    const T a = diagonal_a_[at] * damping_ - (r - static_cast<T>(sum_[at])) * rest_;
    return a + r;
  }

 private:
  struct Scratch {
    bool fresh = false;
    std::vector<T> row;                  // availabilities: those of the columns, but for a row at work
    std::vector<std::int32_t> positive;  // of each row of a block, the places of its positive responsibilities
    std::vector<Index> count;

    void prepare(const std::vector<T>& column_a, Index rows) {
      if (!fresh) row.assign(column_a.begin(), column_a.end());
      fresh = true;
      positive.resize(static_cast<std::size_t>(rows) * column_a.size());
      count.resize(static_cast<std::size_t>(rows));
    }
    std::span<const std::int32_t> positive_of(Index place) const {
      return {positive.data() + place * std::ssize(row),
              static_cast<std::size_t>(count[static_cast<std::size_t>(place)])};
    }
  };

  /// a(i, k) one iteration on, from r(i, k), for k != i.
  T next_a(T a, T r, std::size_t k) const {
    const T drop = std::max((r > T{0} ? r : T{0}) - column_sum_[k], T{0});
    return a * damping_ - drop * rest_;
  }

  void update(Index i, Index place, Scratch& scratch) {
    const auto at = static_cast<std::size_t>(i);
    T* r = r_.get() + i * n_;
    OwnAvailabilities<T>& own = own_[at];
    const bool whole = own.column.empty() && !own.value.empty();
    T* a = whole ? own.value.data() : scratch.row.data();
    if (whole)
      for (std::size_t k = 0; k < own.value.size(); ++k) a[k] = next_a(a[k], r[k], k);
    else
      for (std::size_t e = 0; e < own.column.size(); ++e) {
        const auto k = static_cast<std::size_t>(own.column[e]);
        a[k] = own.value[e] = next_a(own.value[e], r[k], k);
      }
    diagonal_a_[at] = diagonal_a_[at] * damping_ - (r[i] - column_sum_[at]) * rest_;
    a[at] = diagonal_a_[at];
    Index& count = scratch.count[static_cast<std::size_t>(place)];
    std::int32_t* positive = scratch.positive.data() + place * n_;
    count = kernels_.update({s_.row(i), a, r, n_}, damping_, rest_, positive);
    if (whole) return;
    for (const std::int32_t k : own.column) a[k] = column_a_[static_cast<std::size_t>(k)];
    a[at] = column_a_[at];
    keep(i, {positive, static_cast<std::size_t>(count)}, own);
  }

  // The row has its own availability where a responsibility has become positive: still that of the column.
  void keep(Index i, std::span<const std::int32_t> positive, OwnAvailabilities<T>& own) const {
    std::size_t added = 0, e = 0;
    const auto each_new = [&](auto&& take) {
      e = 0;
      for (const std::int32_t k : positive) {
        while (e < own.column.size() && own.column[e] < k) ++e;
        if (k != static_cast<std::int32_t>(i) && (e == own.column.size() || own.column[e] != k)) take(k);
      }
    };
    each_new([&](std::int32_t) { ++added; });
    if (added == 0) return;
    OwnAvailabilities<T> next;
    if (2 * (own.column.size() + added) > static_cast<std::size_t>(n_)) {
      next.value = column_a_;
      for (e = 0; e < own.column.size(); ++e) next.value[static_cast<std::size_t>(own.column[e])] = own.value[e];
    } else {
      next.column.reserve(own.column.size() + added);
      next.value.reserve(own.column.size() + added);
      std::size_t from = 0;
      const auto copy_to = [&](std::size_t end) {
        for (; from < end; ++from) {
          next.column.push_back(own.column[from]);
          next.value.push_back(own.value[from]);
        }
      };
      each_new([&](std::int32_t k) {
        copy_to(e);
        next.column.push_back(k);
        next.value.push_back(column_a_[static_cast<std::size_t>(k)]);
      });
      copy_to(own.column.size());
    }
    own = std::move(next);
  }

  void add(Index i, std::span<const std::int32_t> positive) {
    const T* r = r_.get() + i * n_;
    for (const std::int32_t k : positive)
      if (k != static_cast<std::int32_t>(i)) sum_[static_cast<std::size_t>(k)] += static_cast<double>(r[k]);
    sum_[static_cast<std::size_t>(i)] += static_cast<double>(r[i]);
  }

  const MessageKernels<T>& kernels_ = message_kernels<T>();
  Points<const T> s_;
  Index n_;
  T damping_, rest_;
  Zeros<T> r_;
  // availabilities, an iteration behind: of the one before r
  std::vector<T> column_a_, diagonal_a_;
  std::vector<OwnAvailabilities<T>> own_;
  std::vector<double> sum_;    // of the columns of r, its negative values left out
  std::vector<T> column_sum_;  // the same of the iteration before
  Blocks blocks_;
  std::vector<Scratch> scratch_;
};

}  // namespace

template <class T>
Exemplars affinity_propagation(Points<const T> s, const Settings& settings, Run& run) {
  const Index n = s.n_samples;
  Exemplars out;
  {
    Messages<T> messages(s, settings);
    out = iterate(n, settings, run, [&] { messages.sweep(run); }, [&](Index k) { return messages.evidence(k); });
  }
  if (out.exemplars.empty()) {
    out.labels.assign(static_cast<std::size_t>(n), -1);
    return out;
  }
  std::vector<double> sum;
  settle(
      out, n, run,
      [&](Index i) {
        const T* row = s.row(i);
        std::size_t best = 0;
        for (std::size_t c = 1; c < out.exemplars.size(); ++c)
          if (row[out.exemplars[c]] > row[out.exemplars[best]]) best = c;
        return static_cast<std::int64_t>(best);
      },
      [&](const std::vector<Index>& members, std::size_t) {
        sum.assign(members.size(), 0.0);
        for (Index i : members) {
          const T* row = s.row(i);
          for (std::size_t m = 0; m < members.size(); ++m) sum[m] += static_cast<double>(row[members[m]]);
          run.checkpoint();
        }
        return members[static_cast<std::size_t>(std::max_element(sum.begin(), sum.end()) - sum.begin())];
      });
  return out;
}

// --- stored pairs -------------------------------------------------------------------------------------------

namespace {

template <class T>
class GraphMessages {
 public:
  GraphMessages(const Graph<T>& s, const Settings& settings)
      : s_(s),
        damping_(static_cast<T>(settings.damping)),
        rest_(static_cast<T>(1 - settings.damping)),
        a_(s.value.size()),
        r_(s.value.size()),
        column_sum_(static_cast<std::size_t>(s.size())),
        own_(static_cast<std::size_t>(s.size())),
        column_start_(static_cast<std::size_t>(s.size()) + 1),
        column_pair_(s.value.size()) {
    const Index n = s.size();
    for (std::int32_t k : s.column) ++column_start_[static_cast<std::size_t>(k) + 1];
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) column_start_[k + 1] += column_start_[k];
    std::vector<std::int32_t> next(column_start_.begin(), column_start_.end() - 1);
    for (Index i = 0; i < n; ++i)
      for (auto p = first(i); p < first(i + 1); ++p) {
        const auto k = static_cast<std::size_t>(s.column[p]);
        if (static_cast<Index>(k) == i) own_[k] = p;
        column_pair_[static_cast<std::size_t>(next[k]++)] = static_cast<std::int32_t>(p);
      }
    // Stands for "no other candidate": beyond what all messages of a column can add up to.
    T widest = 1;
    for (T value : s.value) widest = std::max(widest, std::abs(value));
    nobody_ = -8 * widest;
  }

  void sweep(Run& run) {
    const Index n = s_.size();
    const std::size_t bytes = 4 * sizeof(T) * (s_.value.size() / static_cast<std::size_t>(n) + 1);
    const Blocks blocks = blocks_of(n, bytes);
    const double work = 4.0 * static_cast<double>(s_.value.size());
    for_blocks(blocks, run, work, [&](Index b, int) {
      for (Index i = blocks.begin(b); i < blocks.end(b); ++i) update(i);
    });
    for_blocks(blocks, run, work, [&](Index b, int) {
      for (Index k = blocks.begin(b); k < blocks.end(b); ++k) add(k);
    });
    run.checkpoint();
  }

  T evidence(Index k) const {
    const std::size_t p = own_[static_cast<std::size_t>(k)];
    return a_[p] * damping_ - (r_[p] - column_sum_[static_cast<std::size_t>(k)]) * rest_ + r_[p];
  }

 private:
  std::size_t first(Index i) const { return static_cast<std::size_t>(s_.start[static_cast<std::size_t>(i)]); }

  void update(Index i) {
    const std::size_t begin = first(i), end = first(i + 1);
    T most = -std::numeric_limits<T>::infinity(), next = nobody_;
    std::size_t best = begin;
    for (std::size_t p = begin; p < end; ++p) {
      T drop = std::max(r_[p], T{0}) - column_sum_[static_cast<std::size_t>(s_.column[p])];
      drop = p == own_[static_cast<std::size_t>(i)] ? r_[p] - column_sum_[static_cast<std::size_t>(i)]
                                                    : std::max(drop, T{0});
      a_[p] = a_[p] * damping_ - drop * rest_;
      const T value = a_[p] + s_.value[p];
      if (value > most) {
        if (p != begin) next = most;
        most = value;
        best = p;
      } else if (p == begin + 1 || value > next) {
        next = value;
      }
    }
    for (std::size_t p = begin; p < end; ++p)
      r_[p] = r_[p] * damping_ + (s_.value[p] - (p == best ? next : most)) * rest_;
  }

  void add(Index k) {
    double sum = 0;
    for (auto at = static_cast<std::size_t>(column_start_[static_cast<std::size_t>(k)]);
         at < static_cast<std::size_t>(column_start_[static_cast<std::size_t>(k) + 1]); ++at) {
      const auto p = static_cast<std::size_t>(column_pair_[at]);
      sum += static_cast<double>(p == own_[static_cast<std::size_t>(k)] ? r_[p] : std::max(r_[p], T{0}));
    }
    column_sum_[static_cast<std::size_t>(k)] = static_cast<T>(sum);
  }

  const Graph<T>& s_;
  T damping_, rest_, nobody_;
  std::vector<T> a_, r_, column_sum_;
  std::vector<std::size_t> own_;            // the pair (k, k)
  std::vector<std::int32_t> column_start_;  // of each column's pairs, ascending by row
  std::vector<std::int32_t> column_pair_;
};

}  // namespace

template <class T>
Exemplars affinity_propagation(const Graph<T>& s, const Settings& settings, Run& run) {
  const Index n = s.size();
  Exemplars out;
  {
    GraphMessages<T> messages(s, settings);
    out = iterate(n, settings, run, [&] { messages.sweep(run); }, [&](Index k) { return messages.evidence(k); });
  }
  std::vector<std::int64_t> label_of(static_cast<std::size_t>(n), -1);  // of exemplars; or the place among members
  const auto first = [&](Index i) { return static_cast<std::size_t>(s.start[static_cast<std::size_t>(i)]); };
  std::vector<double> sum;
  std::vector<Index> known;
  settle(
      out, n, run,
      [&](Index i) {
        if (i == 0) {
          std::fill(label_of.begin(), label_of.end(), -1);
          for (std::size_t c = 0; c < out.exemplars.size(); ++c)
            label_of[static_cast<std::size_t>(out.exemplars[c])] = static_cast<std::int64_t>(c);
        }
        std::int64_t label = -1;
        T most = 0;
        for (auto p = first(i); p < first(i + 1); ++p) {
          const std::int64_t c = label_of[static_cast<std::size_t>(s.column[p])];
          if (c < 0) continue;
          if (label < 0 || s.value[p] > most || (s.value[p] == most && c < label)) {
            label = c;
            most = s.value[p];
          }
        }
        return label;
      },
      [&](const std::vector<Index>& members, std::size_t c) {
        sum.assign(members.size(), 0.0);
        known.assign(members.size(), 0);
        std::fill(label_of.begin(), label_of.end(), -1);
        for (std::size_t m = 0; m < members.size(); ++m)
          label_of[static_cast<std::size_t>(members[m])] = static_cast<std::int64_t>(m);
        for (Index i : members)
          for (auto p = first(i); p < first(i + 1); ++p)
            if (const std::int64_t m = label_of[static_cast<std::size_t>(s.column[p])]; m >= 0) {
              sum[static_cast<std::size_t>(m)] += static_cast<double>(s.value[p]);
              ++known[static_cast<std::size_t>(m)];
            }
        Index best = static_cast<Index>(out.exemplars[c]);
        double most = -std::numeric_limits<double>::infinity();
        for (std::size_t m = 0; m < members.size(); ++m)
          if (known[m] == static_cast<Index>(members.size()) && sum[m] > most) {
            most = sum[m];
            best = members[m];
          }
        return best;
      });
  return out;
}

// --- what is known of the similarities before ---------------------------------------------------------------

template <class T>
bool all_alike(Points<const T> s) {
  const T value = s.row(0)[1];
  for (Index i = 0; i < s.n_samples; ++i)
    for (Index k = 0; k < s.n_samples; ++k)
      if (i != k && s.row(i)[k] != value) return false;
  return true;
}

namespace {

// The upper 16 bits of an integer that is ordered like the number.
template <class T>
std::uint32_t bucket_of(T value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int shift = 8 * sizeof(T) - 1;
  const auto bits = std::bit_cast<Bits>(value + T{0});  // one zero
  return static_cast<std::uint32_t>((bits ^ (bits >> shift ? ~Bits{0} : Bits{1} << shift)) >> (shift - 15));
}

}  // namespace

template <class T>
std::pair<T, T> ranked(Points<const T> s, bool off_diagonal, Index rank, Run& run) {
  const Index n = s.n_samples;
  constexpr std::size_t n_buckets = std::size_t{1} << 16;
  const Blocks blocks = blocks_of(n, static_cast<std::size_t>(n) * sizeof(T), std::size_t{1} << 20, 1);
  const auto threads = static_cast<std::size_t>(parallel::n_threads());
  const double work = static_cast<double>(s.size());
  const auto for_values = [&](Index b, auto&& f) {
    for (Index i = blocks.begin(b); i < blocks.end(b); ++i) {
      const T* row = s.row(i);
      for (Index k = 0; k < n; ++k)
        if (!off_diagonal || k != i) f(row[k]);
    }
  };
  std::vector<std::vector<Index>> counts(threads, std::vector<Index>(n_buckets));
  for_blocks(blocks, run, work, [&](Index b, int thread) {
    Index* count = counts[static_cast<std::size_t>(thread)].data();
    for_values(b, [&](T value) { ++count[bucket_of(value)]; });
  });
  Index below = 0;
  std::uint32_t bucket = 0;
  Index here = 0;
  for (;; ++bucket) {
    here = 0;
    for (const auto& count : counts) here += count[bucket];
    if (below + here > rank) break;
    below += here;
  }
  std::vector<std::vector<T>> found(threads);
  std::vector<T> above(threads, std::numeric_limits<T>::infinity());  // the least of the next buckets
  for_blocks(blocks, run, work, [&](Index b, int thread) {
    auto& list = found[static_cast<std::size_t>(thread)];
    T& next = above[static_cast<std::size_t>(thread)];
    for_values(b, [&](T value) {
      const std::uint32_t its = bucket_of(value);
      if (its == bucket) list.push_back(value);
      if (its > bucket && value < next) next = value;
    });
  });
  std::vector<T> values;
  for (auto& list : found) {
    values.insert(values.end(), list.begin(), list.end());
    std::vector<T>().swap(list);
  }
  const auto place = values.begin() + (rank - below);
  std::nth_element(values.begin(), place, values.end());
  const T value = *place;
  T next = *std::min_element(above.begin(), above.end());
  if (place + 1 != values.end()) next = *std::min_element(place + 1, values.end());
  if (rank + 1 == n * (off_diagonal ? n - 1 : n)) next = value;
  return {value, next};
}

#define SHOAL_INSTANTIATE(T)                                                       \
  template Exemplars affinity_propagation(Points<const T>, const Settings&, Run&); \
  template Exemplars affinity_propagation(const Graph<T>&, const Settings&, Run&); \
  template bool all_alike(Points<const T>);                                        \
  template std::pair<T, T> ranked(Points<const T>, bool, Index, Run&);
SHOAL_INSTANTIATE(float)
SHOAL_INSTANTIATE(double)
#undef SHOAL_INSTANTIATE

}  // namespace shoal::exemplar
