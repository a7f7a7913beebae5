// Least and largest value of an array: what the checks of user input ask of every value.
#pragma once
#include <span>

#include "base/points.hpp"
#include "parallel/run.hpp"

namespace shoal::base {

/// Both are NaN where a value is; of no values they are +inf and -inf.
template <class T>
struct Extremes {
  T low;
  T high;
};

/// One pass, at the speed of memory.
template <class T>
Extremes<T> extremes(std::span<const T> values, Run& run);

/// The inner loop, per instruction set.
template <class T>
struct ExtremesKernel {
  Extremes<T> (*of)(const T* values, Index n);
};

}  // namespace shoal::base
