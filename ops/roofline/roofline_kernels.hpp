#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/isa.hpp"

namespace lanewise::ops {

/// Loops in registers. The results depend on every operation, so that none is optimised away.
struct RooflineKernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni, Isa::avx512bf16};

  /// `steps` multiply-adds on each of `floats_per_step` floats. Returns a number that depends on
  /// every one of them.
  float (*multiply_add)(size_t steps) noexcept;
  size_t floats_per_step;

  /// Chain c of 0, ..., i8_chains - 1 begins with c in each of its 16 lanes. Each step adds to
  /// each lane the dot product of its 4 bytes of a and of b. Returns the sum of all lanes of all
  /// chains, modulo 2^32.
  ///
  /// a    [64], at most 127
  /// b    [64]
  int32_t (*dot_i8)(const uint8_t* a, const int8_t* b, size_t steps) noexcept;
  size_t i8_chains;

  /// The same with the 2 numbers of each lane: a, b [32], the bits of bf16. Null without such an
  /// instruction; the numbers are then converted to f32, at the rate of multiply_add.
  float (*dot_bf16)(const uint16_t* a, const uint16_t* b, size_t steps) noexcept;
  size_t bf16_chains;
};

}  // namespace lanewise::ops
