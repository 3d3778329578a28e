#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Adds operands, each multiplied by a weight of its own.
///
///   y[r, i] = w[0] * x_0[r, i] + w[1] * x_1[r, i] + ...   added in this order
///
/// inputs   any number n of x_k [rows, dim] f32, at least one
/// weight   w [n] f32
/// output   y [rows, dim] f32, not an input
/// Error: 2 n * 2^-24 times the sum of |w[k] * x_k[r, i]|; each sum of products is one chain of fused
/// multiply-adds.
/// Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_weighted_sum(const OperatorConfig& config);

}  // namespace lanewise::ops
