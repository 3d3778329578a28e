#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct SoftmaxKernels {
  /// y[r] = softmax(log(2) * scale_log2 * x[r]). y may be x.
  void (*softmax)(const RowBlock& block, float scale_log2) noexcept;
};

}  // namespace lanewise::ops
