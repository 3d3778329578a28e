#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attention/attention_kernels.hpp"

namespace lanewise::ops {

/// The most heads that one call processes. They share a pass over the rows of the cache, which are
/// kilobytes apart and hold all heads side by side.
constexpr size_t kCachedHeads = 8;

/// One query of several adjacent heads against keys and values that are rows in any order.
struct CachedBlock {
  const float* q;  // [heads, head_dim]
  float* y;        // [heads, head_dim]
  size_t heads;    // at most kCachedHeads
  size_t group;    // heads that share a key head: head h has key head h / group
  const float* k;  // key j is at k + rows[j] * k_stride, [key heads, head_dim]
  size_t k_stride;
  const float* v;  // likewise
  size_t v_stride;
  const int32_t* rows;  // [end]
  size_t begin;         // the first key that the query sees
  size_t end;           // one past the last key
  size_t head_dim;
  float scale;
  float soft_cap;  // of scores; 0: none
};

struct CachedAttentionKernels {
  /// `scratch`: cached_attention_scratch_floats(head_dim) floats, aligned to 64 bytes.
  void (*attend)(const CachedBlock& block, float* scratch) noexcept;
};

/// For each head, the scores of one block of keys and two sums of values in whole vectors.
constexpr size_t cached_attention_scratch_floats(size_t head_dim) {
  return kCachedHeads * (kKeyBlock + 2 * attention_copy_stride(head_dim));
}

}  // namespace lanewise::ops
