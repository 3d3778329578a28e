#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Keys whose scores are kept at once. Blocks begin at multiples of it, which determines where the
/// running maximum changes, and so the bits of the result.
constexpr size_t kAdditiveKeyBlock = 128;

/// One query against the keys and values of its sequence.
struct AdditiveBlock {
  const float* q;       // [depth]
  const float* weight;  // [depth]
  const float* k;       // [keys, depth], or key j at row rows[j]
  size_t k_stride;
  const float* v;  // [keys, dim], likewise
  size_t v_stride;
  const int32_t* rows;  // [keys], or null: 0, 1, ...
  size_t keys;
  size_t depth;
  size_t dim;
  float* y;  // [dim]
};

struct AdditiveAttentionKernels {
  /// `scratch`: kAdditiveKeyBlock floats, aligned to 64 bytes.
  void (*attend)(const AdditiveBlock& block, float* scratch) noexcept;
};

}  // namespace lanewise::ops
