#pragma once

#include "ops/norm/norm.hpp"
#include "ops/row_block.hpp"

namespace lanewise::ops {

struct RmsNormBlock {
  RowBlock rows;  // y may be x
  Norm norm;
};

struct RmsNormKernels {
  void (*normalize)(const RmsNormBlock& block) noexcept;
};

}  // namespace lanewise::ops
