#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// A linear layer of each expert, for the tokens that were routed to it.
///
///   y[r, j * n + i] = sum_k x[r, k] * W[e[r, j]][i, k]                 for j in [0, top_k)
///
/// With the attribute per_expert, x has a row for each expert of a token: x[r, j * k + ...].
///
/// inputs   x [rows, k] f32, with per_expert [rows, top_k * k]; routes [rows, 2 * top_k] f32
///          (top_experts.hpp). Where an index is none of an expert, y is not written
/// output   y [rows, top_k * n] f32, not an input
/// weights  weight: the matrices of all experts, one below the other, as a weight of ops/weights:
///          [experts * N, k], N = n rounded up to a multiple of 16, so that each has panels of its
///          own. The rows beyond n are not read
/// attributes  experts; per_expert (false)
/// Error: that of linear.
/// Fails with kInvalidArgument if attributes, weights and operands do not match. The same bits for a
/// token in every batch, cut and number of threads, and on every instruction set with FMA: those of
/// `linear` with the expert's matrix.
Result<OperatorPtr> make_expert_linear(const OperatorConfig& config);

}  // namespace lanewise::ops
