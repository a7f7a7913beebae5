// Two labelings of the same samples, reduced to what external scores need: how many samples each pair of labels
// shares. Also the numbering of labels that are not small integers.
//
// Cost: O(n) time. Labels whose ranges span few cells are counted straight into a dense table, one per thread;
// others are numbered first (a presence table, or a hash table when the range is wide) and counted row by row.
// Memory: O(n) in the second case, the table otherwise (never more than max(4096, n) cells per thread).
// Deterministic: counts are integers, so threads cannot change them; weights are added by one thread, in sample order.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "parallel/run.hpp"

namespace shoal::metrics {

/// Rows and columns are the distinct labels in ascending order; only cells that hold samples are stored, by row, then
/// column. C is std::int64_t for counts and whole weights, double for fractional weights.
template <class C>
struct Contingency {
  std::vector<std::int64_t> row_start;  // n_rows + 1: cells [row_start[r], row_start[r + 1]) belong to row r
  std::vector<std::int32_t> column;     // per cell, ascending within a row
  std::vector<C> count;                 // per cell, > 0
  std::vector<C> row_total;             // sums of `count`, hence equal to a cell's count where it is alone
  std::vector<C> column_total;
};

/// Preconditions: a.size() == b.size(); weight is empty or of that size, with weights > 0 whose sum C can hold.
template <class Label, class C>
Contingency<C> contingency(std::span<const Label> a, std::span<const Label> b, std::span<const C> weight, Run& run);

/// Labels replaced by their rank among the distinct ones.
struct Coded {
  std::vector<std::int32_t> codes;   // per sample, in [0, values.size())
  std::vector<std::int64_t> values;  // distinct labels, ascending
};
template <class Label>
Coded encode(std::span<const Label> labels, Run& run);

/// Fixed-width records of `width` bytes (strings, floats), numbered in the order of their first appearance.
/// first[c] is the index of the first sample with code c.
struct CodedRecords {
  std::vector<std::int32_t> codes;
  std::vector<std::int64_t> first;
};
CodedRecords encode_records(std::span<const unsigned char> bytes, std::size_t width, Run& run);

}  // namespace shoal::metrics
