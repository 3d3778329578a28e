#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Adds up what the experts of each token say, by their weights.
///
///   y[r, i] = sum_j w[r, j] * x[r, j * dim + i], in the order of j
///
/// inputs   x [rows, top_k * dim] f32; routes [rows, 2 * top_k] f32 (top_experts.hpp)
/// output   y [rows, dim] f32, not an input
/// Error: at most 1e-7 * top_k * sum_j |w[r, j] * x[r, j * dim + i]|.
/// Fails with kInvalidArgument if operands do not match. The same bits on every CPU. Thread-safe.
Result<OperatorPtr> make_mix_experts(const OperatorConfig& config);

}  // namespace lanewise::ops
