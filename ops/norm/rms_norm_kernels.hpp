#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct RmsNormBlock {
  RowBlock rows;        // y may be x
  const float* weight;  // [dim]
  float eps;
};

struct RmsNormKernels {
  void (*normalize)(const RmsNormBlock& block) noexcept;
};

}  // namespace lanewise::ops
