#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// A linear layer of each expert, for the tokens that were routed to it.
///
///   y[r, j * n + i] = sum_k x[r, k] * W[e[r, j] * n + i, k]            for j in [0, top_k)
///
/// With the attribute per_expert, x has a row for each expert of a token: x[r, j * k + ...].
///
/// inputs   x [rows, k] f32, with per_expert [rows, top_k * k]; routes [rows, 2 * top_k] f32
///          (top_experts.hpp). Where an index is none of an expert, y is not written
/// output   y [rows, top_k * n] f32, not an input
/// weights  weight: the matrices of all experts, one after another, as a weight
///          [experts * n, k] of ops/weights; n is a multiple of 16, so that an expert has whole
///          panels
/// attributes  experts; per_expert (false)
/// Error: that of linear.
/// Fails with kInvalidArgument if attributes, weights and operands do not match, with kUnsupported
/// if n is no multiple of 16. The same bits for a token in every batch, cut and number of threads,
/// and on every instruction set with FMA: those of `linear` with the expert's matrix.
Result<OperatorPtr> make_expert_linear(const OperatorConfig& config);

}  // namespace lanewise::ops
