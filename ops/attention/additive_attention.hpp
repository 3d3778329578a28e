#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Attention whose scores are computed by a small network from query and key.
///
///   y[i] = sum_j softmax_j(s[i, j]) * V[j]
///   s[i, j] = sum_a w[a] * tanh(Q[i, a] + K[j, a])
///
/// over all keys j of the query's sequence.
///
/// inputs   q [tokens, depth] f32, ragged; k [memory, depth] f32; v [memory, dim] f32. If k has row
///          tables, as in a decoding step, they give the keys and values of each sequence;
///          otherwise these are the rows of the sequence.
/// output   y [tokens, dim] f32, not an input. Zeros for a sequence without keys.
/// weights  weight [depth] f32: w
/// Error: at most 3e-6 of max_j |V[j]|, for sum_a |w[a]| up to 20, against a double reference. It
///   grows with that sum.
/// Fails with kInvalidArgument if shapes disagree. A row has the same bits in every batch, division
/// into pieces and number of threads, with tables and without, and on every instruction set with
/// FMA. Thread-safe.
/// Source: Bahdanau et al. 2015, arXiv:1409.0473.
Result<OperatorPtr> make_additive_attention(const OperatorConfig& config);

}  // namespace lanewise::ops
