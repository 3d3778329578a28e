#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// A long short-term memory layer, over each sequence in one direction.
///
///   i, f, o = sigmoid(x_i + U_i h + b_i), likewise f and o
///   g = tanh(x_g + U_g h + b_g)
///   c' = f * c + i * g
///   h' = o * tanh(c')
///
/// x_i | x_f | x_g | x_o is a row of the input: the output of a linear layer with W_ih and b_ih for
/// a token. A state is h | c; slice_features extracts h.
///
/// inputs   x [tokens, 4 * dim] f32, ragged; optionally the initial states
///          [sequences, 2 * dim] f32, zero if absent
/// output   y [tokens, 2 * dim] f32, not an input: the state after each token
/// weights  weight [ceil(4 * dim / 16), dim, 16] f32: U_i, U_f, U_g, U_o stacked, in panels of 16
///          rows, zero beyond row 4 * dim; bias [4 * dim] f32, optional
/// attributes  reverse (false): from the last token of a sequence to the first
/// Error: at most 3e-6 * max(1, |y|) against a double reference, for weights as PyTorch initialises
///   them (within 1 / sqrt(dim)). Larger weights carry errors from token to token.
/// Fails with kInvalidArgument if shapes disagree. The same bits for a row in every batch, cut and
/// number of threads, and on every instruction set with FMA. Thread-safe.
/// Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; gates in the
///   order of torch.nn.LSTM.
Result<OperatorPtr> make_lstm(const OperatorConfig& config);

}  // namespace lanewise::ops
