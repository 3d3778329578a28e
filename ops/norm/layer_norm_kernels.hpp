#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct LayerNormBlock {
  RowBlock rows;          // y may be x
  const float* residual;  // [rows, dim], or null. Not y.
  size_t residual_stride;
  const float* weight;  // [dim]
  const float* bias;    // [dim], or null
  float eps;
};

struct LayerNormKernels {
  void (*normalize)(const LayerNormBlock& block) noexcept;
};

}  // namespace lanewise::ops
