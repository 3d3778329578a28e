#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Multi-head self-attention whose scores also compare contents with positions (DeBERTa), in one
/// pass.
///
///   y[i, h] = sum_j w[i, j] * V[j, h] / sum_j w[i, j]
///   w[i, j] = exp(scale * (<Q[i, h], K[j, h] + PK[r, h]> + <K[j, h], PQ[r, h]>))
///   r = clamp(bucket(i - j) + span, 0, 2 * span - 1)
///
/// where i and j count the rows of a sequence, of whose keys RaggedRows::attended may count fewer
/// than there are rows. Without `buckets`, bucket(d) = d and span = max_distance. With `buckets`,
/// span = buckets, and with mid = buckets / 2
///
///   bucket(d) = d                                                                 if |d| <= mid
///   bucket(d) = sign(d) * (ceil(log(|d| / mid) / log((max_distance - 1) / mid) * (mid - 1)) + mid)
///
/// in f32, as in Transformers: the logarithms decide into which bucket a distance falls.
///
/// inputs   q, k, v [tokens, heads * head_dim] f32, ragged alike
/// output   y [tokens, heads * head_dim] f32, not an input
/// attributes  heads; head_dim; scale; max_distance; buckets (0: none), at least 2, which leaves
///          max_distance > mid + 1
/// weights  key_positions PK, query_positions PQ [2 * span, heads * head_dim] f32: either or both;
///          one that is absent is 0
/// Error: at most 5e-6 of max_j |V[j, h]| for scores within +-20, against a double reference. It
///   grows with the magnitude of the scores, because they are rounded too.
/// Fails with kInvalidArgument if attributes, weights and operands do not match. A row has the same
/// bits in every batch, division into pieces and number of threads, and on every instruction set
/// with FMA. Thread-safe.
///
/// Source: He et al. 2020, arXiv:2006.03654; buckets: He et al. 2021, arXiv:2111.09543.
Result<OperatorPtr> make_disentangled_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
