#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Attention of new tokens to the keys and values of their sequences, which are in pages of
/// kPageTokens tokens (kv_page.hpp): attention (attention.hpp) in the steps of a decoder.
///
/// Formula, `window`, `scale`, `soft_cap`, grouped heads and the relative bias are those of
/// attention. The n new tokens of sequence s have the positions m - n to m - 1 of its
/// m = tables->lengths[s]. append_kv has written their keys and values. Sequences may share pages.
///
/// inputs   q [tokens, heads * head_dim] f32, ragged; the cache, as in append_kv
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes, weights  those of attention; causal must be true, bias_kind none or relative.
///                      cache_type as in append_kv: keys and values of other types than f32 are
///                      widened, exactly, before they are multiplied
/// Error: as attention, of the keys and values in the cache.
/// Fails with kInvalidArgument if attributes, weights and operands do not match. A token has the
/// same bits in every batch, however many tokens of its sequence are new, in every division into
/// pieces and number of threads, and on every instruction set with FMA. They differ from those of
/// attention, which sums in another order.
///
/// Source: pages: Kwon et al. 2023, arXiv:2309.06180.
Result<OperatorPtr> make_paged_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
