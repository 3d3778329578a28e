#pragma once

#include <cstdint>
#include <span>

namespace lanewise::converters {

/// T5's buckets of distances between tokens: half of them contain one distance each, the others are
/// logarithmic up to max_distance, and the last one contains everything beyond.
struct T5Buckets {
  static constexpr int64_t kLeast = 4;

  int64_t count = 32;
  int64_t max_distance = 128;  ///< > count / 2

  /// The bucket of a key at `offset` from its query, below `count`. If not `causal`, each direction
  /// has half of the buckets.
  int64_t bucket(int64_t offset, bool causal) const noexcept;
};

/// The bias of attention by distance, bias[h, offset + max_distance] = table[bucket(offset), h].
///
/// table  [count, heads]
/// bias   [heads, 2 * max_distance + 1]
void fill_t5_bias(const T5Buckets& buckets, int64_t heads, bool causal,
                  std::span<const float> table, std::span<float> bias);

}  // namespace lanewise::converters
