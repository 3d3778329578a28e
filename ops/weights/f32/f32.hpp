#pragma once

#include <cstdint>
#include <span>

#include "ops/weights/linear_block.hpp"

namespace lanewise::ops {

/// The format f32: weights without conversion.
///
///   weight  [panels, k, 16] F32: panels[p, i, j] = w[16 p + j, i], 0 if there is no such row
struct F32Panels {
  static constexpr bool kPreparesRows = false;

  const float* panels = nullptr;
  size_t panel_floats = 0;  // from panel to panel

  F32Panels from(size_t feature) const noexcept {
    return {panels + feature / kPanel * panel_floats, panel_floats};
  }
  size_t scratch_bytes(size_t, const Norm&) const noexcept { return 0; }
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using F32Block = WeightBlock<F32Panels>;

/// Rows of a weight: w [n, k], row-major.
struct WeightRows {
  const float* w = nullptr;
  int64_t n = 0;
};

/// Packs weights that are stacked along n into panels of 16 output features.
///
/// parts   w [n, k] each, together [N, k]; a panel may hold rows of two parts
/// panels  [ceil(N / 16), k, 16], not any of the parts
void pack_panels(std::span<const WeightRows> parts, int64_t k, float* panels);

}  // namespace lanewise::ops
