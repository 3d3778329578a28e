#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Copies a range of adjacent features of each row.
///
///   y[r, i] = x[r, begin + i]
///
/// inputs   x [rows, n] f32
/// output   y [rows, dim] f32, not x; begin + dim <= n
/// attributes  begin (0)
/// Exact. Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_slice_features(const OperatorConfig& config);

}  // namespace lanewise::ops
