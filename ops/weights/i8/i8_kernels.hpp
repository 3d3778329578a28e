#pragma once

#include "ops/isa.hpp"
#include "ops/weights/i8/i8.hpp"

namespace lanewise::ops {

/// Linear layers with 8-bit weights. Activations are quantised row by row over the row's range
/// (quantize_row.hpp), x[r, k] ~ s[r] * q[r, k] + t[r]; weights symmetrically by output feature.
/// The sum of products is exact:
///
///   sum = s[r] * scale[n] * (sum_k q[r, k] * w[n, k]) + t[r] * scale[n] * (sum_k w[n, k])
struct LinearI8Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni};

  /// `scratch`: Weight::scratch_bytes(), aligned to 64.
  void (*multiply)(const I8Block& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
  /// Writes the rows of a block as another library multiplies them, `stride` bytes apart: signed
  /// bytes, zero-padded from k to rounded_inputs(). `normalized`: one row, for the norm.
  void (*round_rows)(const I8Block& block, float* normalized, std::byte* rows, size_t stride,
                     RowScale* scale) noexcept;
  /// Finishes sums of products that another library computed from such rows: [rows][stride], read
  /// in whole panels.
  void (*finish_sums)(const I8Block& block, const std::byte* sums, size_t stride,
                      const RowScale* scale) noexcept;
};

const LinearI8Kernels& linear_i8_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
