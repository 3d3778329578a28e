#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct L2NormalizeKernels {
  /// y may be x.
  void (*normalize)(const RowBlock& block, float eps) noexcept;
};

}  // namespace lanewise::ops
