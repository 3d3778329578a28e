#pragma once

#include <cstdint>
#include <string_view>

#include "ops/attention/attention_problem.hpp"
#include "ops/attention/kv_page.hpp"
#include "ops/description.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

/// One sequence of an operator whose first input are new tokens and whose last is a paged cache.
class PagedSequence {
 public:
  PagedSequence(const Operands& operands, int64_t sequence) noexcept
      : tokens_(operands.inputs.front().ragged->offsets + sequence),
        cache_(operands.inputs.back()),
        sequence_(sequence) {}

  /// The row of its first new token.
  int64_t first_row() const noexcept { return tokens_[0]; }
  /// New tokens, and all of them.
  Lengths lengths() const noexcept {
    return {tokens_[1] - tokens_[0], cache_.tables->lengths[sequence_]};
  }
  /// The index of new token i among all tokens.
  int64_t position(int64_t i) const noexcept {
    const Lengths both = lengths();
    return both.keys - both.queries + i;
  }
  /// All layers of its pages; the layer begins layer_offset() floats behind.
  float* const* pages() const noexcept { return cache_.tables->pages[sequence_]; }
  int64_t layer_offset() const noexcept { return cache_.stride; }
  /// The layer in page i.
  float* page(int64_t i) const noexcept { return pages()[i] + layer_offset(); }

 private:
  const int32_t* tokens_;
  const Operand& cache_;
  int64_t sequence_;
};

/// The attribute of append_kv and paged_attention that says the type of keys and values in pages:
/// f32 (default), bf16 or int8. Only steps have it.
inline constexpr const char* kCacheType = "cache_type";

/// The name of a type in kCacheType.
std::string_view name_of(KvType type) noexcept;

/// The pages of a layer: reads heads, kv_heads, head_dim and kCacheType alone.
Result<KvPage> page_of(const Attributes& attributes);

/// Fails unless the last input is a cache of KvPage::floats() features.
Status check_pages(const OperatorConfig& config, const KvPage& page);

/// The rule of rows of such an operator: tokens, and a cache at the end.
std::string_view tokens_and_pages(const NodeRows& rows);

}  // namespace lanewise::ops
