// A binary heap of numbered values whose values may change.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace shoal::hierarchy {

/// The least value is on top; among equal ones the order of the operations decides, which are those of SciPy's heap.
template <class T>
class Heap {
 public:
  /// Keys 0, 1, ... with these values.
  explicit Heap(std::vector<T> values) : values_(std::move(values)), keys_(values_.size()), places_(values_.size()) {
    for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i] = places_[i] = static_cast<std::int32_t>(i);
    for (std::size_t i = values_.size() / 2; i-- > 0;) sift_down(i);
  }

  std::int32_t key() const { return keys_[0]; }
  T value() const { return values_[0]; }
  void pop() {
    swap(0, values_.size() - 1);
    values_.pop_back();
    keys_.pop_back();
    sift_down(0);
  }
  void change(std::int32_t key, T value) {
    const auto i = static_cast<std::size_t>(places_[static_cast<std::size_t>(key)]);
    const T old = values_[i];
    values_[i] = value;
    if (value < old)
      sift_up(i);
    else
      sift_down(i);
  }
  /// Gives every key the number place[key].
  void rename(const std::vector<std::int32_t>& place) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      keys_[i] = place[static_cast<std::size_t>(keys_[i])];
      places_[static_cast<std::size_t>(keys_[i])] = static_cast<std::int32_t>(i);
    }
  }

 private:
  void swap(std::size_t i, std::size_t j) {
    std::swap(values_[i], values_[j]);
    std::swap(keys_[i], keys_[j]);
    places_[static_cast<std::size_t>(keys_[i])] = static_cast<std::int32_t>(i);
    places_[static_cast<std::size_t>(keys_[j])] = static_cast<std::int32_t>(j);
  }
  void sift_up(std::size_t i) {
    for (; i > 0 && values_[(i - 1) / 2] > values_[i]; i = (i - 1) / 2) swap(i, (i - 1) / 2);
  }
  void sift_down(std::size_t i) {
    for (std::size_t child = 2 * i + 1; child < values_.size(); i = child, child = 2 * i + 1) {
      if (child + 1 < values_.size() && values_[child + 1] < values_[child]) ++child;
      if (!(values_[i] > values_[child])) return;
      swap(i, child);
    }
  }

  std::vector<T> values_;
  std::vector<std::int32_t> keys_, places_;
};

}  // namespace shoal::hierarchy
