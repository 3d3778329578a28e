#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Multi-head attention of the queries of a sequence to its keys, in one pass. The scores never
/// leave the cache.
///
///   y[i, h] = sum_j w[i, j] * V[j, h'] / sum_j w[i, j],   h' = h / (heads / kv_heads)
///   w[i, j] = exp(cap(scale * <Q[i, h], K[j, h']>) + bias(h, p_i, j)) if query i sees key j, else 0
///   cap(s) = soft_cap * tanh(s / soft_cap) if soft_cap > 0, else s
///
/// In a sequence of n queries and m keys, of which RaggedRows::attended may count fewer than there
/// are rows, query i has the position p_i = i + (m - n) if `causal`,
/// which aligns the last query with the last key, and p_i = i otherwise. It sees the keys
/// 0 <= j < m with
///
///   j <= p_i                if `causal`,
///   p_i - window < j        if `window` > 0, and
///   j < p_i + window        if `window` > 0 and not `causal`.
///
/// inputs   one:   q | k | v [tokens, (heads + 2 * kv_heads) * head_dim] f32
///          two:   q [tokens, heads * head_dim], k | v [memory, 2 * kv_heads * head_dim] f32
///          three: q, k, v; k and v [memory, kv_heads * head_dim] f32
///          The first and the second are ragged, with the same number of sequences.
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes  heads; kv_heads (heads), divides heads; head_dim; scale (1 / sqrt(head_dim));
///          causal (false); window (0: no limit); soft_cap (0: none); bias_kind (none, relative,
///          dense; none); allow_bf16 (false): both products may use bf16 if the instruction set multiplies it
/// weights  bias f32, if bias_kind is not none, shared by all sequences:
///          relative  [heads, 2 * R + 1]: bias(h, p, j) = b[h, clamp(j - p, -R, R) + R]
///          dense     [heads or 1, max_queries, max_keys]: bias(h, p, j) = b[h, p, j]. Keys outside
///                    of it are not seen, nor are those with an entry of -inf.
/// Error: at most 3e-6 of max_j |V[j, h']| over the keys that i sees, for scores within +-20,
///   against a double reference. It grows with the magnitude of the scores, because they are
///   rounded too.
///   With allow_bf16 on avx512bf16, queries (times the scale), keys, weights and values are rounded
///   to bf16, by 1 / 512 at most; sums and the softmax are f32.
/// A row that sees no key is 0. A key whose weight is 0 adds nothing, whatever its value; NaN and
///   inf affect exactly the rows and heads that give them a weight. A score of +inf gives NaN, as
///   in the formula.
/// Fails with kInvalidArgument if attributes, weights and operands do not match. A row has the same
/// bits in every batch, division into pieces and number of threads, and, except for bf16, on every
/// instruction set with FMA.
///
/// Source: Vaswani et al. 2017, arXiv:1706.03762; running maximum and sum: Milakov and Gimelshein
/// 2018, arXiv:1805.02867; grouped heads: Ainslie et al. 2023, arXiv:2305.13245; soft_cap: Gemma
/// Team 2024, arXiv:2408.00118.
Result<OperatorPtr> make_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
