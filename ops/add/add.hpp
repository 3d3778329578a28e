#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Adds two operands.
///
///   y[r, i] = a[r, i] + b[r, i]
///
/// inputs   a, b [rows, dim] f32
/// output   y [rows, dim] f32. May be a or b.
/// Error: half a unit in the last place, hence the same bits on every instruction set.
/// Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_add(const OperatorConfig& config);

}  // namespace lanewise::ops
