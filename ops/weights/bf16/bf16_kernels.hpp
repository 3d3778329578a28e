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
  /// Whether x is rounded to bf16.
  bool rounds_x;
};

const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
