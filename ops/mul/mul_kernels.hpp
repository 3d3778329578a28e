#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct MulKernels {
  /// y[r] = x[r] * b[r], where b is [rows, dim]. y may be x or b.
  void (*mul)(const RowBlock& block, const float* b, size_t b_stride) noexcept;
};

}  // namespace lanewise::ops
