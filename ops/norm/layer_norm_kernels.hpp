#pragma once

#include "ops/norm/norm.hpp"
#include "ops/row_block.hpp"

namespace lanewise::ops {

struct LayerNormBlock {
  RowBlock rows;          // y may be x
  const float* residual;  // [rows, dim], or null. Not y.
  size_t residual_stride;
  Norm norm;
};

struct LayerNormKernels {
  void (*normalize)(const LayerNormBlock& block) noexcept;
};

}  // namespace lanewise::ops
