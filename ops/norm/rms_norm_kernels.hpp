#pragma once

#include "ops/norm/norm.hpp"
#include "ops/row_block.hpp"

namespace lanewise::ops {

struct RmsNormBlock {
  RowBlock rows;  // y may be x
  Norm norm;
  size_t group;  // features that are normalised together; divides rows.dim
};

struct RmsNormKernels {
  void (*normalize)(const RmsNormBlock& block) noexcept;
};

}  // namespace lanewise::ops
