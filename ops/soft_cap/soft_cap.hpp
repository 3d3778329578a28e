#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Keeps each element between -cap and cap.
///
///   y = cap * tanh(x / cap)
///
/// inputs   x [rows, dim] f32
/// output   y [rows, dim] f32. May be x.
/// attributes  cap > 0, required
/// Error: at most 6e-7 * |y| against a double reference. NaN stays NaN; infinities give +-cap.
/// Fails with kInvalidArgument if shapes disagree or cap is not positive. The same bits on every
/// instruction set with FMA. Thread-safe.
/// Source: Gemma Team 2024, arXiv:2408.00118, section 2.
Result<OperatorPtr> make_soft_cap(const OperatorConfig& config);

}  // namespace lanewise::ops
