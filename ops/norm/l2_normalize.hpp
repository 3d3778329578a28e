#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Scales each row to unit length.
///
///   y[r, i] = x[r, i] / max(sqrt(sum_j x[r, j]^2), eps)
///
/// inputs   x [rows, dim] f32
/// output   y [rows, dim] f32. May be x.
/// attributes  eps >= 0 (1e-12); at 0, a row of zeros gives NaN
/// Error: at most 5e-7 * |y| against a double reference for lengths in [1e-15, 1e19], for which the
///   sum of squares neither overflows nor loses digits.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set with FMA.
/// Thread-safe.
/// Source: the definition; PyTorch calls it torch.nn.functional.normalize.
Result<OperatorPtr> make_l2_normalize(const OperatorConfig& config);

}  // namespace lanewise::ops
