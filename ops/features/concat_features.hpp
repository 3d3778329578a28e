#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Concatenates the rows of its inputs.
///
///   y[r] = x_0[r] | x_1[r] | ...
///
/// inputs   any number of x_i [rows, n_i] f32, at least one
/// output   y [rows, n_0 + n_1 + ...] f32, not an input
/// Exact. Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_concat_features(const OperatorConfig& config);

}  // namespace lanewise::ops
