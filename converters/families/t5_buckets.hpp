#pragma once

#include <cstdint>
#include <span>

namespace lanewise::converters {

/// How T5 puts distances between tokens into buckets: half of them hold one distance each, the
/// others are logarithmic up to max_distance, behind which the last holds all.
struct T5Buckets {
  static constexpr int64_t kLeast = 4;

  int64_t count = 32;
  int64_t max_distance = 128;  ///< > count / 2

  /// The bucket of a key at `offset` from its query: up to `count`, in both directions half of it
  /// each where not `causal`.
  int64_t bucket(int64_t offset, bool causal) const noexcept;
};

/// The bias of attention by distance, bias[h, offset + max_distance] = table[bucket(offset), h].
///
/// table  [count, heads]
/// bias   [heads, 2 * max_distance + 1]
void fill_t5_bias(const T5Buckets& buckets, int64_t heads, bool causal,
                  std::span<const float> table, std::span<float> bias);

}  // namespace lanewise::converters
