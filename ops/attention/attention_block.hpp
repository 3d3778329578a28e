#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Keys are taken in blocks that begin at multiples of this, whatever the query, the batch and the
/// instruction set: it fixes where the running maximum changes, and so the bits of the result.
/// The scores of 16 queries against a block fill 12 KiB, which leaves room in a first-level cache
/// of 32; 192 is a multiple of the 6 or 12 keys of a tile.
constexpr size_t kKeyBlock = 192;

/// Queries that share one pass over the keys. Keys and values are copied once per so many queries,
/// which takes 1.5 % of the time.
constexpr size_t kQueryBlock = 128;

constexpr size_t kAttentionLanes = 16;
/// The most panels of queries that share the buffer of scores, on any instruction set.
constexpr size_t kAttentionPanels = 2;

/// An additive bias. For the keys from j on, row r adds what stands at
/// table[r] + clamp(j + shift[r], first, last) and behind it, for up to kKeyBlock keys.
struct AttentionBias {
  const float* const* table;  // [rows], or null: no bias
  const int32_t* shift;       // [rows]
  int32_t first;
  int32_t last;
};

/// Up to kQueryBlock rows of queries against the keys and values of one head.
///
/// Arrays marked [padded] hold `rows` rounded up to a multiple of 16 entries, the last row's
/// repeated: vectors are always full.
struct AttentionBlock {
  const float* k;  // [keys, head_dim]
  size_t k_stride;
  const float* v;  // [keys, head_dim]
  size_t v_stride;
  size_t head_dim;
  size_t rows;
  const float* const* q;  // [padded] rows of head_dim
  float* const* y;        // [rows] rows of head_dim
  const int32_t* begin;   // [padded] the first key that the row sees
  const int32_t* end;     // [padded] behind the last one; begin >= end: none
  AttentionBias bias;     // its arrays: [padded]
  float scale;
};

/// Floats between copied rows of keys or values.
constexpr size_t attention_copy_stride(size_t head_dim) {
  return (head_dim + kAttentionLanes - 1) / kAttentionLanes * kAttentionLanes;
}

constexpr size_t attention_scratch_floats(size_t head_dim) {
  const size_t scores_and_bias = (kAttentionPanels + 1) * kKeyBlock * kAttentionLanes;
  const size_t keys_and_values = 2 * kKeyBlock * attention_copy_stride(head_dim);
  const size_t queries_and_sums = 2 * kQueryBlock * head_dim;
  const size_t running = 2 * kQueryBlock;
  return scores_and_bias + keys_and_values + queries_and_sums + running;
}

}  // namespace lanewise::ops
