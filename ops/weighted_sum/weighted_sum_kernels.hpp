#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct WeightedSumKernels {
  /// y = weight * x
  void (*begin)(float weight, const RowBlock& block) noexcept;
  /// y = weight * x + y
  void (*add)(float weight, const RowBlock& block) noexcept;
};

}  // namespace lanewise::ops
