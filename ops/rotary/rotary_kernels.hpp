#pragma once

#include "ops/row_block.hpp"

namespace lanewise::ops {

struct RotaryBlock {
  RowBlock rows;        // y may be x
  const float* angles;  // [rows, 2 * pairs]: cosines, then sines
  size_t angles_stride;
  size_t heads;
  size_t head_dim;
  size_t pairs;  // of each head, 2 * pairs <= head_dim
  bool interleaved;
};

struct RotaryKernels {
  void (*rotate)(const RotaryBlock& block) noexcept;
};

}  // namespace lanewise::ops
