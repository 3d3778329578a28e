#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct AddKernels {
  /// y[r] = x[r] + b[r], where b is [rows, dim]. y may be x or b.
  void (*add)(const RowBlock& block, const float* b, size_t b_stride) noexcept;
};

}  // namespace lanewise::ops
