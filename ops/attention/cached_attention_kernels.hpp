#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attention/attention_kernels.hpp"

namespace lanewise::ops {

/// One query of one head against keys and values that are rows of a cache, in any order.
struct CachedBlock {
  const float* q;  // [head_dim]
  float* y;        // [head_dim]
  const float* k;  // the head's columns: key j is at k + rows[j] * k_stride, [head_dim]
  size_t k_stride;
  const float* v;  // likewise
  size_t v_stride;
  const int32_t* rows;  // [end]
  size_t begin;         // the first key that the query sees
  size_t end;           // behind the last one
  size_t head_dim;
  AttentionBias bias;  // of one row
  float scale;
};

struct CachedAttentionKernels {
  /// `scratch`: cached_attention_scratch_floats(head_dim) floats, aligned to 64 bytes.
  void (*attend)(const CachedBlock& block, float* scratch) noexcept;
};

/// The scores of one block of keys, and sums of values in whole vectors.
constexpr size_t cached_attention_scratch_floats(size_t head_dim) {
  return kKeyBlock + attention_copy_stride(head_dim);
}

}  // namespace lanewise::ops
