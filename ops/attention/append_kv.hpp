#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Writes keys and values of new tokens to the pages of their sequences, and passes their queries
/// on to paged_attention (paged_attention.hpp), which runs after it.
///
/// The n new tokens of sequence s are the last n of its tables->lengths[s]; token j is entry
/// j % kPageTokens of page tables->pages[s][j / kPageTokens] (kv_page.hpp). No other sequence may
/// share the pages that are written.
///
/// inputs   q | k | v, or q and k | v, or q, k and v, of the new tokens, ragged, as in attention;
///          then the cache, f32, KvPage::floats() features, whose `stride` is where the layer begins
///          in a page, in floats
/// output   q [tokens, heads * head_dim] f32
/// attributes  heads; kv_heads (heads), divides heads; head_dim; cache_type (f32), bf16 or int8: what
///             keys and values are rounded to (KvType). A token's depends on nothing else.
/// Fails with kInvalidArgument if attributes and operands do not match.
Result<OperatorPtr> make_append_kv(const OperatorConfig& config);

}  // namespace lanewise::ops
