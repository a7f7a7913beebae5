#include "metrics/contingency.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "parallel/parallel_for.hpp"

namespace shoal::metrics {
namespace {

constexpr std::ptrdiff_t label_block = 16384;

parallel::Blocks label_blocks(std::size_t n) {
  const auto length = static_cast<std::ptrdiff_t>(n);
  return parallel::blocks_at_most(length, length, label_block);
}

struct Range {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  std::int64_t high = std::numeric_limits<std::int64_t>::min();

  /// high - low + 1, which does not fit when the labels span all of 64 bits: 0 then.
  std::uint64_t span() const { return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1; }
  void include(const Range& other) { *this = {std::min(low, other.low), std::max(high, other.high)}; }
};

template <class Label>
Range range_of(std::span<const Label> labels) {
  Label low = std::numeric_limits<Label>::max(), high = std::numeric_limits<Label>::min();
  for (const Label label : labels) {
    low = std::min(low, label);
    high = std::max(high, label);
  }
  return {low, high};
}

/// The ranges of both labelings. Precondition: a.size() == b.size() > 0.
template <class Label>
std::pair<Range, Range> ranges_of(std::span<const Label> a, std::span<const Label> b, Run& run) {
  const auto blocks = label_blocks(a.size());
  std::vector<std::pair<Range, Range>> partial(static_cast<std::size_t>(blocks.count()));
  parallel::for_blocks(blocks, run, static_cast<double>(a.size()), [&](std::ptrdiff_t block, int) {
    const auto begin = static_cast<std::size_t>(blocks.begin(block));
    const auto length = static_cast<std::size_t>(blocks.end(block)) - begin;
    partial[static_cast<std::size_t>(block)] = {range_of(a.subspan(begin, length)), range_of(b.subspan(begin, length))};
  });
  std::pair<Range, Range> ranges;
  for (const auto& [of_a, of_b] : partial) {
    ranges.first.include(of_a);
    ranges.second.include(of_b);
  }
  return ranges;
}

/// The cells of a dense row-major table, without empty rows, columns and cells.
template <class C, class Cell>
Contingency<C> compress(std::span<const Cell> table, std::size_t n_rows, std::size_t n_columns) {
  std::vector<C> row_total(n_rows), column_total(n_columns);
  std::vector<std::int64_t> row_cells(n_rows);
  std::int64_t n_cells = 0;
  for (std::size_t r = 0; r < n_rows; ++r) {
    const Cell* row = table.data() + r * n_columns;
    for (std::size_t c = 0; c < n_columns; ++c) {
      if (row[c] == Cell{}) continue;
      row_total[r] += static_cast<C>(row[c]);
      column_total[c] += static_cast<C>(row[c]);
      ++row_cells[r];
    }
    n_cells += row_cells[r];
  }
  Contingency<C> out;
  std::vector<std::int32_t> column_code(n_columns);
  for (std::size_t c = 0; c < n_columns; ++c) {
    column_code[c] = static_cast<std::int32_t>(out.column_total.size());
    if (column_total[c] != C{}) out.column_total.push_back(column_total[c]);
  }
  out.column.reserve(static_cast<std::size_t>(n_cells));
  out.count.reserve(static_cast<std::size_t>(n_cells));
  out.row_start.push_back(0);
  for (std::size_t r = 0; r < n_rows; ++r) {
    if (row_cells[r] == 0) continue;
    const Cell* row = table.data() + r * n_columns;
    for (std::size_t c = 0; c < n_columns; ++c) {
      if (row[c] == Cell{}) continue;
      out.column.push_back(column_code[c]);
      out.count.push_back(static_cast<C>(row[c]));
    }
    out.row_total.push_back(row_total[r]);
    out.row_start.push_back(static_cast<std::int64_t>(out.count.size()));
  }
  return out;
}

/// Counts into a dense table over the two label ranges.
template <class Label, class C>
Contingency<C> count_dense(std::span<const Label> a, std::span<const Label> b, std::span<const C> weight, Range rows,
                           Range columns, Run& run) {
  const std::size_t n_rows = rows.span(), n_columns = columns.span(), cells = n_rows * n_columns;
  const auto blocks = label_blocks(a.size());
  // Differences modulo 2^64 are right for every pair of labels inside their range.
  const auto cell_of = [&](std::ptrdiff_t i) {
    const auto at = static_cast<std::size_t>(i);
    return (static_cast<std::uint64_t>(a[at]) - static_cast<std::uint64_t>(rows.low)) * n_columns +
           (static_cast<std::uint64_t>(b[at]) - static_cast<std::uint64_t>(columns.low));
  };
  if (!weight.empty()) {
    std::vector<C> table(cells);
    for (std::ptrdiff_t block = 0; block < blocks.count(); ++block) {
      for (auto i = blocks.begin(block); i < blocks.end(block); ++i)
        table[cell_of(i)] += weight[static_cast<std::size_t>(i)];
      run.checkpoint();
    }
    return compress<C, C>(table, n_rows, n_columns);
  }
  std::vector<std::vector<std::uint32_t>> tables(static_cast<std::size_t>(parallel::n_threads()));
  parallel::for_blocks(blocks, run, 1.5 * static_cast<double>(a.size()), [&](std::ptrdiff_t block, int thread) {
    auto& table = tables[static_cast<std::size_t>(thread)];
    if (table.empty()) table.resize(cells);
    for (auto i = blocks.begin(block); i < blocks.end(block); ++i) ++table[cell_of(i)];
  });
  std::vector<std::uint32_t> total;
  for (auto& table : tables) {
    if (total.empty()) {
      total = std::move(table);
      continue;
    }
    for (std::size_t cell = 0; cell < table.size(); ++cell) total[cell] += table[cell];
  }
  return compress<C, std::uint32_t>(total, n_rows, n_columns);
}

/// Counts row by row: samples in the order of their row, then a table of one row at a time.
template <class C>
Contingency<C> count_by_row(const Coded& a, const Coded& b, std::span<const C> weight, Run& run) {
  const std::size_t n = a.codes.size(), n_rows = a.values.size(), n_columns = b.values.size();
  std::vector<std::int64_t> begin(n_rows + 1);
  for (std::int32_t row : a.codes) ++begin[static_cast<std::size_t>(row) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());

  std::vector<std::int32_t> column_of(n);
  std::vector<C> weight_of(weight.empty() ? 0 : n);
  std::vector<std::int64_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(a.codes[i])]++);
    column_of[at] = b.codes[i];
    if (!weight.empty()) weight_of[at] = weight[i];
    if (i % label_block == 0) run.checkpoint();
  }

  Contingency<C> out;
  out.row_total.resize(n_rows);
  out.column_total.resize(n_columns);
  out.row_start.push_back(0);
  std::vector<C> row(n_columns);
  std::vector<std::int32_t> touched;
  std::int64_t since_poll = 0;
  for (std::size_t r = 0; r < n_rows; ++r) {
    touched.clear();
    for (auto at = static_cast<std::size_t>(begin[r]); at < static_cast<std::size_t>(begin[r + 1]); ++at) {
      const auto c = static_cast<std::size_t>(column_of[at]);
      if (row[c] == C{}) touched.push_back(column_of[at]);
      row[c] += weight.empty() ? C{1} : weight_of[at];
    }
    std::sort(touched.begin(), touched.end());
    for (std::int32_t column : touched) {
      const auto c = static_cast<std::size_t>(column);
      out.column.push_back(column);
      out.count.push_back(row[c]);
      out.row_total[r] += row[c];
      out.column_total[c] += row[c];
      row[c] = C{};
    }
    out.row_start.push_back(static_cast<std::int64_t>(out.count.size()));
    if ((since_poll += begin[r + 1] - begin[r]) > label_block) {
      run.checkpoint();
      since_poll = 0;
    }
  }
  return out;
}

/// Finaliser of MurmurHash3: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

/// Numbers n records in the order of their first appearance with an open-addressing table, at most half full.
/// hash(i): hash of record i; same(i, j): whether records i and j are equal.
template <class Hash, class Same>
CodedRecords number(std::size_t n, Run& run, Hash&& hash, Same&& same) {
  CodedRecords out;
  out.codes.resize(n);
  std::size_t mask = 1023;
  std::vector<std::int32_t> slots(mask + 1, -1);
  std::vector<std::uint64_t> hashes;  // per code, to grow without looking at the records again
  for (std::size_t i = 0; i < n; ++i) {
    if (i % label_block == 0) run.checkpoint();
    const std::uint64_t h = hash(i);
    std::size_t slot = h & mask;
    while (slots[slot] >= 0) {
      const auto code = static_cast<std::size_t>(slots[slot]);
      if (hashes[code] == h && same(i, static_cast<std::size_t>(out.first[code]))) break;
      slot = (slot + 1) & mask;
    }
    if (slots[slot] < 0) {
      slots[slot] = static_cast<std::int32_t>(out.first.size());
      out.first.push_back(static_cast<std::int64_t>(i));
      hashes.push_back(h);
    }
    out.codes[i] = slots[slot];
    if (2 * out.first.size() > mask) {
      mask = 4 * mask + 3;
      slots.assign(mask + 1, -1);
      for (std::size_t code = 0; code < hashes.size(); ++code) {
        std::size_t s = hashes[code] & mask;
        while (slots[s] >= 0) s = (s + 1) & mask;
        slots[s] = static_cast<std::int32_t>(code);
      }
    }
  }
  return out;
}

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;  // with it flipped, integers sort as unsigned

struct Keyed {
  std::uint64_t key;
  std::int32_t code;
};

/// Ascending keys: counting sorts by byte, from the lowest; bytes that are the same in all keys are passed over.
void sort(std::vector<Keyed>& items, Run& run) {
  if (items.size() < 256) {
    std::sort(items.begin(), items.end(), [](const Keyed& x, const Keyed& y) { return x.key < y.key; });
    return;
  }
  std::vector<Keyed> other(items.size());
  for (int shift = 0; shift < 64; shift += 8) {
    std::array<std::size_t, 257> begin{};
    for (const Keyed& item : items) ++begin[(item.key >> shift & 255) + 1];
    if (std::find(begin.begin(), begin.end(), items.size()) != begin.end()) continue;
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (const Keyed& item : items) other[begin[item.key >> shift & 255]++] = item;
    items.swap(other);
    run.checkpoint();
  }
}

}  // namespace

template <class Label>
Coded encode(std::span<const Label> labels, Run& run) {
  const std::size_t n = labels.size();
  Coded out;
  if (n == 0) return out;
  const Range range = range_of(labels);
  const auto blocks = label_blocks(n);
  const double work = 1.5 * static_cast<double>(n);
  const std::uint64_t span = range.span();
  if (span != 0 && span <= std::max<std::uint64_t>(4 * n, 65536)) {
    // presence of each value, then its rank
    std::vector<std::int32_t> rank(span, -1);
    for (std::ptrdiff_t block = 0; block < blocks.count(); ++block) {
      for (auto i = blocks.begin(block); i < blocks.end(block); ++i)
        rank[static_cast<std::uint64_t>(labels[static_cast<std::size_t>(i)]) - static_cast<std::uint64_t>(range.low)] =
            0;
      run.checkpoint();
    }
    for (std::uint64_t offset = 0; offset < span; ++offset) {
      if (rank[offset] < 0) continue;
      rank[offset] = static_cast<std::int32_t>(out.values.size());
      out.values.push_back(range.low + static_cast<std::int64_t>(offset));
    }
    out.codes.resize(n);
    parallel::for_blocks(blocks, run, work, [&](std::ptrdiff_t block, int) {
      for (auto i = blocks.begin(block); i < blocks.end(block); ++i) {
        const auto at = static_cast<std::size_t>(i);
        out.codes[at] = rank[static_cast<std::uint64_t>(labels[at]) - static_cast<std::uint64_t>(range.low)];
      }
    });
    return out;
  }
  // mix() is one to one: equal hashes are equal labels.
  CodedRecords coded = number(
      n, run, [&](std::size_t i) { return mix(static_cast<std::uint64_t>(labels[i])); },
      [](std::size_t, std::size_t) { return true; });
  std::vector<Keyed> distinct(coded.first.size());
  for (std::size_t code = 0; code < distinct.size(); ++code) {
    const auto value = static_cast<std::int64_t>(labels[static_cast<std::size_t>(coded.first[code])]);
    distinct[code] = {static_cast<std::uint64_t>(value) ^ sign_bit, static_cast<std::int32_t>(code)};
  }
  sort(distinct, run);
  std::vector<std::int32_t> rank(distinct.size());
  for (std::size_t r = 0; r < distinct.size(); ++r) {
    rank[static_cast<std::size_t>(distinct[r].code)] = static_cast<std::int32_t>(r);
    out.values.push_back(static_cast<std::int64_t>(distinct[r].key ^ sign_bit));
  }
  out.codes = std::move(coded.codes);
  parallel::for_blocks(blocks, run, work, [&](std::ptrdiff_t block, int) {
    for (auto i = blocks.begin(block); i < blocks.end(block); ++i) {
      auto& code = out.codes[static_cast<std::size_t>(i)];
      code = rank[static_cast<std::size_t>(code)];
    }
  });
  return out;
}

CodedRecords encode_records(std::span<const unsigned char> bytes, std::size_t width, Run& run) {
  const std::size_t n = width == 0 ? 0 : bytes.size() / width;
  const auto record = [&](std::size_t i) { return bytes.data() + i * width; };
  const auto hash = [&](std::size_t i) {
    const unsigned char* p = record(i);
    std::uint64_t h = width;
    std::size_t at = 0;
    for (; at + 8 <= width; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, p + at, 8);
      h = mix(h ^ word);
    }
    if (at < width) {
      std::uint64_t word = 0;
      std::memcpy(&word, p + at, width - at);
      h = mix(h ^ word);
    }
    return h;
  };
  return number(n, run, hash,
                [&](std::size_t i, std::size_t j) { return std::memcmp(record(i), record(j), width) == 0; });
}

template <class Label, class C>
Contingency<C> contingency(std::span<const Label> a, std::span<const Label> b, std::span<const C> weight, Run& run) {
  if (a.empty()) return {{0}, {}, {}, {}, {}};
  const std::size_t n = a.size();
  const auto few_cells = [&](std::uint64_t rows, std::uint64_t columns) {
    const std::uint64_t limit = std::clamp<std::uint64_t>(n, 4096, std::uint64_t{1} << 22);
    return rows != 0 && columns != 0 && rows <= limit && columns <= limit && rows * columns <= limit &&
           n < std::numeric_limits<std::uint32_t>::max();
  };
  const auto [rows, columns] = ranges_of(a, b, run);
  if (few_cells(rows.span(), columns.span())) return count_dense(a, b, weight, rows, columns, run);

  const Coded row = encode(a, run), column = encode(b, run);
  if (few_cells(row.values.size(), column.values.size())) {
    const auto last = [](const Coded& coded) { return static_cast<std::int64_t>(coded.values.size()) - 1; };
    return count_dense<std::int32_t, C>(row.codes, column.codes, weight, {0, last(row)}, {0, last(column)}, run);
  }
  return count_by_row(row, column, weight, run);
}

template Coded encode(std::span<const std::int32_t>, Run&);
template Coded encode(std::span<const std::int64_t>, Run&);
#define SHOAL_CONTINGENCY(Label, C) \
  template Contingency<C> contingency(std::span<const Label>, std::span<const Label>, std::span<const C>, Run&);
SHOAL_CONTINGENCY(std::int32_t, std::int64_t)
SHOAL_CONTINGENCY(std::int64_t, std::int64_t)
SHOAL_CONTINGENCY(std::int32_t, double)
SHOAL_CONTINGENCY(std::int64_t, double)
#undef SHOAL_CONTINGENCY

}  // namespace shoal::metrics
