#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Joins each row with its neighbours in its sequence: a convolution over tokens is then a linear
/// layer.
///
///   y[t] = x[t - before] | ... | x[t] | ... | x[t + after]
///
/// where rows outside the sequence, and rows of tokens that are not attended to
/// (RaggedRows::attended), are 0.
///
/// input    x [tokens, dim] f32, ragged
/// output   y [tokens, (before + 1 + after) * dim] f32
/// attributes  before, after: 0 to 1024
/// Exact. Fails with kInvalidArgument if shapes or attributes do not fit. Thread-safe.
Result<OperatorPtr> make_neighbour_rows(const OperatorConfig& config);

}  // namespace lanewise::ops
