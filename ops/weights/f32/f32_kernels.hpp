#pragma once

#include "ops/isa.hpp"
#include "ops/weights/f32/f32.hpp"

namespace lanewise::ops {

/// Linear layers with f32 weights.
struct LinearKernels {
  /// `scratch` is not used.
  void (*multiply)(const F32Block& block, std::byte* scratch) noexcept;
  /// Only the epilogue: y holds the sums and is finished in place (x unused).
  void (*finish)(const LinearBlock& block) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
};

const LinearKernels& linear_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
