#pragma once

#include <cstdint>

#include "ops/weights/linear_block.hpp"

namespace lanewise::ops {

/// The format bf16: the upper half of an f32, rounded to nearest even.
///
///   weight  [panels, ceil(k / 2), 16, 2] BF16
struct Bf16Panels {
  static constexpr bool kPreparesRows = true;

  const std::byte* panels = nullptr;
  size_t panel_bytes = 0;  // from panel to panel

  Bf16Panels from(size_t feature) const noexcept {
    return {panels + feature / kPanel * panel_bytes, panel_bytes};
  }
  size_t scratch_bytes(size_t k, const Norm& norm) const noexcept {
    return prepared_bytes(sizeof(uint16_t) * rounded_inputs(k), 1, k, norm);
  }
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using Bf16Block = WeightBlock<Bf16Panels>;

/// The nearest bf16, ties to even; a NaN stays one.
uint16_t to_bf16(float x) noexcept;
float from_bf16(uint16_t x) noexcept;

}  // namespace lanewise::ops
