#pragma once

#include "ops/attention/attention_block.hpp"

namespace lanewise::ops {

/// Attention in f32, as specified in ops/attention/attention.hpp.
struct AttentionKernels {
  /// `scratch`: attention_scratch_floats(head_dim) floats, aligned to 64 bytes.
  void (*attend)(const AttentionBlock& block, float* scratch) noexcept;
};

}  // namespace lanewise::ops
