#pragma once

#include "ops/linear/linear_block.hpp"

namespace lanewise::ops {

/// Linear layers with weights in f32.
struct LinearKernels {
  /// `scratch` is not used.
  void (*multiply)(const LinearBlock& block, std::byte* scratch) noexcept;
  /// Only what follows the sum: y holds the sums and is finished in place (x, w unused).
  void (*finish)(const LinearBlock& block) noexcept;
  /// The most rows that `multiply` works on at once.
  size_t tile_rows;
};

}  // namespace lanewise::ops
