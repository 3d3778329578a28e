#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// A gated recurrent unit layer, over each sequence in one direction.
///
///   r = sigmoid(x_r + U_r h + b_r)
///   z = sigmoid(x_z + U_z h + b_z)
///   n = tanh(x_n + r * (U_n h + b_n))
///   h' = (1 - z) * n + z * h
///
/// x_r | x_z | x_n is a row of the input: the output of a linear layer with W_ih and b_ih for a
/// token. h is the state after the previous token, or the initial state.
///
/// inputs   x [tokens, 3 * dim] f32, ragged; optionally the initial states [sequences, dim] f32,
///          zero if absent
/// output   y [tokens, dim] f32, not an input: the state after each token
/// weights  weight [ceil(3 * dim / 16), dim, 16] f32: U_r, U_z, U_n stacked, in panels of 16 rows,
///          zero beyond row 3 * dim; bias [3 * dim] f32, optional: b_r | b_z | b_n
/// attributes  reverse (false): from the last token of a sequence to the first
/// Error: at most 3e-6 against a double reference, for weights as PyTorch initialises them (within
///   1 / sqrt(dim)). Larger weights carry errors from token to token.
/// Fails with kInvalidArgument if shapes disagree. The same bits for a row in every batch, cut and
/// number of threads, and on every instruction set with FMA. Thread-safe.
/// Source: Cho et al. 2014, arXiv:1406.1078, in the form of torch.nn.GRU, whose reset gate
///   multiplies the product U_n h + b_n rather than the state.
Result<OperatorPtr> make_gru(const OperatorConfig& config);

}  // namespace lanewise::ops
