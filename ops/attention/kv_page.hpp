#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attention/attention_block.hpp"

namespace lanewise::ops {

/// Tokens whose keys and values share a page: the keys of a page are one vector.
constexpr int64_t kPageTokens = 16;
static_assert(kPageTokens == kAttentionLanes);

/// Keys and values of kPageTokens tokens in one layer, for each key head
///
///   keys [head_dim][kPageTokens], then values [kPageTokens][value_stride] f32,
///
/// aligned to 64 bytes. Keys are transposed, so that a query meets 16 of them at once. Features of
/// a value beyond head_dim are 0.
struct KvPage {
  int64_t kv_heads = 0;
  int64_t head_dim = 0;

  constexpr int64_t value_stride() const noexcept {
    return static_cast<int64_t>(attention_copy_stride(static_cast<size_t>(head_dim)));
  }
  constexpr int64_t head_floats() const noexcept {
    return kPageTokens * (head_dim + value_stride());
  }
  constexpr int64_t floats() const noexcept { return kv_heads * head_floats(); }
  /// Where the keys of a key head begin, in floats from the beginning of the page.
  constexpr int64_t keys(int64_t kv_head) const noexcept { return kv_head * head_floats(); }
  constexpr int64_t values(int64_t kv_head) const noexcept {
    return keys(kv_head) + kPageTokens * head_dim;
  }
};

/// Pages for that many tokens.
constexpr int64_t pages_for(int64_t tokens) noexcept {
  return (tokens + kPageTokens - 1) / kPageTokens;
}

}  // namespace lanewise::ops
