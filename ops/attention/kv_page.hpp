#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/attention/attention_block.hpp"

namespace lanewise::ops {

/// Tokens whose keys and values share a page: the keys of a page are one vector.
constexpr int64_t kPageTokens = 16;
static_assert(kPageTokens == kAttentionLanes);

/// The type of keys and values in pages.
enum class KvType {
  kF32,
  kBf16,  ///< rounded to nearest, ties to even
  kInt8,  ///< code * scale, with a scale for each token's key or value of a head (kv_row.hpp)
};

/// Keys and values of kPageTokens tokens in one layer, for each key head
///
///   keys [head_dim][kPageTokens], then values [kPageTokens][value_stride],
///   then of kInt8 the scales of keys [kPageTokens] and of values [kPageTokens] f32,
///
/// aligned to 64 bytes. Keys are transposed, so that a query meets 16 of them at once. Features of
/// a value beyond head_dim are 0.
///
/// Offsets are in floats, the unit of a cache, whatever the type.
struct KvPage {
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  KvType type = KvType::kF32;

  /// In numbers of the type.
  constexpr int64_t value_stride() const noexcept {
    return static_cast<int64_t>(attention_copy_stride(static_cast<size_t>(head_dim)));
  }
  constexpr int64_t head_floats() const noexcept {
    constexpr int64_t kAlignment = 16;
    const int64_t floats =
        key_floats() + value_floats() + (type == KvType::kInt8 ? 2 * kPageTokens : 0);
    return (floats + kAlignment - 1) / kAlignment * kAlignment;
  }
  constexpr int64_t floats() const noexcept { return kv_heads * head_floats(); }
  /// Where the keys of a key head begin in a page.
  constexpr int64_t keys(int64_t kv_head) const noexcept { return kv_head * head_floats(); }
  constexpr int64_t values(int64_t kv_head) const noexcept { return keys(kv_head) + key_floats(); }
  constexpr int64_t scales(int64_t kv_head) const noexcept {
    return values(kv_head) + value_floats();
  }

 private:
  /// Numbers of the type that take a float's memory.
  constexpr int64_t in_a_float() const noexcept {
    return type == KvType::kF32 ? 1 : type == KvType::kBf16 ? 2 : 4;
  }
  constexpr int64_t key_floats() const noexcept { return kPageTokens * head_dim / in_a_float(); }
  constexpr int64_t value_floats() const noexcept {
    return kPageTokens * value_stride() / in_a_float();
  }
};

/// Pages for that many tokens.
constexpr int64_t pages_for(int64_t tokens) noexcept {
  return (tokens + kPageTokens - 1) / kPageTokens;
}

}  // namespace lanewise::ops
