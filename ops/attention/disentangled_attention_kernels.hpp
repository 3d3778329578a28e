#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Keys whose scores are kept at once. Blocks begin at multiples of it, which determines where the
/// running maximum changes, and so the bits of the result.
constexpr size_t kDisentangledKeyBlock = 128;

/// One query of one head against the keys and values of its sequence.
struct DisentangledBlock {
  const float* q;  // [dim]
  const float* k;  // [keys, dim]
  size_t k_stride;
  const float* v;  // [keys, dim]
  size_t v_stride;
  const float* key_positions;    // [2 * span, dim], or null
  const float* query_positions;  // [2 * span, dim], or null
  size_t position_stride;
  const int32_t* rows;  // of positions, by distance from -most to most: rows[0] is that of 0
  int32_t most;
  int32_t query;  // its row in the sequence
  size_t keys;
  size_t dim;
  float scale;
  float* y;  // [dim]
};

struct DisentangledAttentionKernels {
  /// `scratch`: kDisentangledKeyBlock floats, aligned to 64 bytes.
  void (*attend)(const DisentangledBlock& block, float* scratch) noexcept;
};

}  // namespace lanewise::ops
