#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attention/attention_block.hpp"
#include "ops/attention/kv_page.hpp"

namespace lanewise::ops {

/// The most rows of queries of one call: enough that reading the pages is a small part of the work.
constexpr size_t kPagedRows = 96;

/// The most rows of queries whose scores exist at once, on any instruction set.
constexpr size_t kPagedTileRows = 12;

/// Up to kPagedRows rows of queries against the keys and values of one key head in pages.
struct PagedBlock {
  const float* const* pages;  // keys j of a sequence are in page j / kPageTokens
  size_t keys;                // where the head begins in a page (KvPage), in floats
  size_t values;
  size_t scales;  // of kInt8
  KvType type;
  size_t head_dim;
  size_t rows;
  const float* const* q;  // [rows] rows of head_dim
  float* const* y;        // [rows] rows of head_dim
  const int32_t* begin;   // [rows] the first key that the row sees
  const int32_t* end;     // [rows] one past the last key; begin >= end: none
  AttentionBias bias;     // its arrays: [rows]
  float scale;
  float soft_cap;  // of scores; 0: none
};

struct PagedAttentionKernels {
  /// `scratch`: paged_attention_scratch_floats(head_dim, type) floats, aligned to 64 bytes.
  void (*attend)(const PagedBlock& block, float* scratch) noexcept;
};

/// Scaled queries and sums of values of all rows, in whole vectors; scores of a tile; keys and
/// values of a block of keys, if they have to be widened.
constexpr size_t paged_attention_scratch_floats(size_t head_dim, KvType type) {
  const size_t stride = attention_copy_stride(head_dim);
  const size_t widened = type == KvType::kF32 ? 0 : kKeyBlock * (head_dim + stride);
  return 2 * kPagedRows * stride + kPagedTileRows * kKeyBlock + widened;
}

}  // namespace lanewise::ops
