#pragma once

#include "ops/attention/attention_block.hpp"
#include "ops/isa.hpp"

namespace lanewise::ops {

/// Attention with both products in bf16: queries (times the scale), keys, weights and values are
/// rounded to bf16; sums and the softmax are f32.
struct AttentionBf16Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avx512bf16};

  /// As AttentionKernels::attend; null if the instruction set has no bf16 products.
  void (*attend)(const AttentionBlock& block, float* scratch) noexcept;
};

const AttentionBf16Kernels& attention_bf16_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
