// The samples of a tree of cells in single precision, for a quick look at pairs of leaves.
#pragma once
#include "density/cells.hpp"
#include "density/screen.hpp"
#include "parallel/run.hpp"
#include "simd/aligned.hpp"

namespace shoal::density {

/// The samples of a tree as the screen sees them, leaf by leaf.
class ScreenedTree {
 public:
  /// Few features are cheaper to look at closely; norms that float cannot hold are not looked at quickly.
  ScreenedTree(const CellTree& tree, const Reach& reach, Run& run);

  /// False where the screen is of no use.
  explicit operator bool() const { return !data_.empty(); }
  float half_radius() const { return half_radius_; }
  float margin() const { return margin_; }
  ScreenBlock block(const Node& leaf) const {
    return {data_.data() + leaf.begin * d_, leaf.size(), half_norm_.data() + leaf.begin, leaf.size(), d_};
  }
  /// The samples of the leaf in another order: slot i gets what was in order[i].
  void reorder(const Node& leaf, const Index* order);
  /// See ScreenKernels::screen.
  std::uint64_t look(const ScreenBlock& queries, const ScreenBlock& targets, Bits& within, Bits& doubtful) const {
    return screen_kernels().screen(queries, targets, half_radius_, margin_, within.data(), doubtful.data());
  }

 private:
  Index d_;
  float half_radius_ = 0, margin_ = 0;
  AlignedVector<float> data_, half_norm_;
};

}  // namespace shoal::density
