#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Attention of new tokens to cached keys and values, which are located by row tables: the
/// token-by-token counterpart of attention (attention.hpp).
///
/// Formula, `causal`, `window`, `scale`, grouped heads and the relative bias are those of
/// attention. The keys of sequence s are the m = tables->lengths[s] rows tables->rows[s][0], [1],
/// ... of the memory. The n new tokens of a step have the positions m - n to m - 1.
///
/// inputs   with `append`: q | k | v, or q and k | v, or q, k and v, of the new tokens, ragged, as
///          in attention; then cache [slots, 2 * kv_heads * head_dim] f32 with tables. Writes keys
///          and values of the new tokens to the last n rows of their sequence, which no other
///          sequence may share; then attends to all rows. Must be causal.
///          without: q of the new tokens, ragged; then k | v, or k and v, with tables. Nothing is
///          written; sequences may share rows. bias_kind must be none; neither causal nor a window
///          is allowed.
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes, weights  those of attention, without bias_kind dense; append (false)
/// Error: as attention.
/// Fails with kInvalidArgument if attributes, weights and operands do not match. A row has the same
/// bits in every batch, division into pieces and number of threads, and on every instruction set
/// with FMA. They differ from those of attention, which sums in another order.
Result<OperatorPtr> make_cached_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
