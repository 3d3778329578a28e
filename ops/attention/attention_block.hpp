#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Keys are processed in blocks that begin at multiples of this, whatever the query, the batch and
/// the instruction set. This determines where the running maximum changes, and so the bits of the
/// result. The scores of 16 queries against a block take 12 KiB of a 32 KiB first-level cache; 192
/// is a multiple of the 6 or 12 keys of a tile.
constexpr size_t kKeyBlock = 192;

/// Number of queries that share one pass over the keys. Keys and values are copied once per pass,
/// which takes 1.5 % of the time.
constexpr size_t kQueryBlock = 128;

constexpr size_t kAttentionLanes = 16;
/// The largest number of panels of queries that share the buffer of scores, on any instruction set.
constexpr size_t kAttentionPanels = 2;

/// An additive bias. The biases of row r for key j and up to kKeyBlock - 1 keys after it begin at
/// table[r] + clamp(j + shift[r], first, last).
struct AttentionBias {
  const float* const* table;  // [rows], or null: no bias
  const int32_t* shift;       // [rows]
  int32_t first;
  int32_t last;
};

/// Up to kQueryBlock rows of queries, and the keys and values of one head.
///
/// Arrays marked [padded] have `rows` entries, rounded up to a multiple of 16 by repeating the last
/// one, so that vectors are always full.
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
  const int32_t* end;     // [padded] one past the last key; begin >= end: none
  AttentionBias bias;     // its arrays: [padded]
  float scale;
  float soft_cap;  // of scores; 0: none
};

/// Number of floats between copied rows of keys or values.
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
