#pragma once

#include "ops/isa.hpp"
#include "ops/weights/bf16/bf16.hpp"

namespace lanewise::ops {

/// Linear layers with bf16 weights. If the instruction set has bf16 products, x is rounded to bf16
/// too and a sum is one chain of them over pairs of k; otherwise weights are converted to f32 in
/// registers, and a sum is the same chain of multiply-adds as with f32 weights.
struct LinearBf16Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avx512bf16};

  /// `scratch`: Weight::scratch_bytes(), aligned to 64.
  void (*multiply)(const Bf16Block& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
  /// Writes the rows of a block as another library multiplies them, `stride` bytes apart: bf16,
  /// zero-padded from k to the next multiple of 16. Null if the instruction set does not round to
  /// bf16. `normalized` and `scale` are not used.
  void (*round_rows)(const Bf16Block& block, float* normalized, std::byte* rows, size_t stride,
                     RowScale* scale) noexcept;
  /// Finishes sums of products that another library computed from such rows: [rows][stride], read
  /// in whole panels.
  void (*finish_sums)(const Bf16Block& block, const std::byte* sums, size_t stride,
                      const RowScale* scale) noexcept;
  /// Whether x is rounded to bf16.
  bool rounds_x;
};

const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
