#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Attention of the new tokens of a decoder to the encoder's output, which several sequences may
/// share: rows that tables locate.
///
/// Formula, `scale`, `soft_cap` and grouped heads are those of attention (attention.hpp). The keys
/// of sequence s are the m = tables->lengths[s] rows tables->rows[s][0], [1], ... of the memory.
///
/// inputs   q of the new tokens, ragged; then k | v, or k and v, with tables
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes  those of attention, without causal, window and a bias
/// Error: as attention.
/// Fails with kInvalidArgument if attributes and operands do not match. A row has the same bits in
/// every batch, division into pieces and number of threads, and on every instruction set with FMA.
/// They differ from those of attention, which sums in another order.
Result<OperatorPtr> make_cached_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
