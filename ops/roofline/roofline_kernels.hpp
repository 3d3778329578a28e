#pragma once

#include <cstddef>

namespace lanewise::ops {

struct RooflineKernels {
  /// `steps` multiply-adds on each of `floats_per_step` floats, all in registers. Returns a number
  /// that depends on every one of them.
  float (*multiply_add)(size_t steps) noexcept;
  size_t floats_per_step;
};

}  // namespace lanewise::ops
