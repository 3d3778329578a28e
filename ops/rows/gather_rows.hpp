#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Selects rows by index.
///
///   y[r] = x[index[r]]
///
/// inputs   x [n, dim] f32; index [rows, 1] i32, each in [0, n), guaranteed by the caller
/// output   y [rows, dim] f32, not x
/// Exact. Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_gather_rows(const OperatorConfig& config);

}  // namespace lanewise::ops
