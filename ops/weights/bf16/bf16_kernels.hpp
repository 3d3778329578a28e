#pragma once

#include "ops/isa.hpp"
#include "ops/weights/bf16/bf16.hpp"

namespace lanewise::ops {

/// Linear layers with weights of bf16. Where the instruction set has products of bf16, x is rounded
/// to bf16 too and a sum is one chain of them over pairs of k; elsewhere weights become f32 in
/// registers, and a sum is the chain of multiply-adds of f32 weights.
struct LinearBf16Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avx512bf16};

  /// `scratch`: Weight::scratch_bytes(), aligned to 64.
  void (*multiply)(const Bf16Block& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` works on at once.
  size_t tile_rows;
  /// The rows of a block as another library multiplies them, `stride` bytes from one to the next:
  /// bf16, and beyond k zeros up to the next multiple of 16. Null where the instruction set does not
  /// round to bf16. `normalized` and `scale` are not used.
  void (*round_rows)(const Bf16Block& block, float* normalized, std::byte* rows, size_t stride,
                     RowScale* scale) noexcept;
  /// What follows the sums of products that another library made of such rows: [rows][stride], of
  /// which whole panels are read.
  void (*finish_sums)(const Bf16Block& block, const std::byte* sums, size_t stride,
                      const RowScale* scale) noexcept;
  /// Whether x is rounded to bf16.
  bool rounds_x;
};

const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
