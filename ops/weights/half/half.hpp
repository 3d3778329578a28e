#pragma once

#include <cstdint>

#include "ops/weights/linear_block.hpp"
#include "ops/weights/packed_weight.hpp"

namespace lanewise::ops {

/// The formats f16 and bf16_exact: weights of 16 bits, which products widen to f32 in registers.
/// Inputs are not rounded, so results have the bits of those with the same weights in f32, on every
/// instruction set. (Products with the format bf16 round inputs where the CPU multiplies bf16.)
///
///   weight  [panels, k, 16] F16 or BF16: panels[p, i, j] = w[16 p + j, i], 0 if there is no such
///           row
struct HalfPanels {
  static constexpr bool kPreparesRows = false;

  const uint16_t* panels = nullptr;
  size_t panel_halves = 0;  // from panel to panel
  float (*widen)(uint16_t) noexcept = nullptr;

  HalfPanels from(size_t feature) const noexcept {
    return {panels + feature / kPanel * panel_halves, panel_halves, widen};
  }
  size_t scratch_bytes(size_t, const Norm&) const noexcept { return 0; }
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using HalfBlock = WeightBlock<HalfPanels>;

/// The tensors of a weight [n, k], all zero, and how rows of a checkpoint are stored in them: as
/// make_kept_weight() and put_kept_rows().
PackedWeight make_half_weight(WeightFormat format, int64_t n, int64_t k);
void put_half_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows);

/// The nearest f16, ties to even; infinity beyond its range; a NaN stays one.
uint16_t to_f16(float x) noexcept;

}  // namespace lanewise::ops
