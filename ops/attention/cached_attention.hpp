#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Attention of new tokens to keys and values that stay from step to step, found by tables: what
/// attention (attention.hpp) is for whole sequences, one token after another.
///
/// Formula, `causal`, `window`, `scale`, grouped heads and the relative bias are those of
/// attention. The keys of sequence s are the rows tables->rows[s][0], [1], ... of the memory, m =
/// tables->lengths[s] of them. In a step with n new tokens they stand at the positions m - n to
/// m - 1.
///
/// inputs   with `append`: what attention takes, q | k | v, or q and k | v, or q, k and v, of the
///          new tokens, ragged; then cache [slots, 2 * kv_heads * head_dim] f32 with tables. Keys
///          and values of the new tokens are written into the last n rows of their sequence, which
///          must belong to no other; then all are attended to. Must be causal.
///          without: q of the new tokens, ragged; then k | v, or k and v, with tables. Nothing is
///          written; several sequences may have the same rows. bias_kind must be none, and neither
///          causal nor a window makes sense.
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes, weights  those of attention, without bias_kind dense; append (false)
/// Error: as attention.
/// Fails with kInvalidArgument if attributes, weights and operands do not fit together. The same
/// bits for a row in every batch, cut and number of threads, and on every instruction set with FMA;
/// not those of attention, which sums in another order.
Result<OperatorPtr> make_cached_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
