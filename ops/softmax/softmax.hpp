#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Turns each row into probabilities.
///
///   y[r, i] = e^(scale * (x[r, i] - m)) / sum_j e^(scale * (x[r, j] - m)),  m = max_j x[r, j]
///
/// inputs   x [rows, dim] f32. A row of -inf alone gives zeros (PyTorch gives NaN): nothing may be
///          chosen. A row with NaN or +inf gives NaN.
/// output   y [rows, dim] f32. May be x.
/// attributes  scale > 0 (1)
/// Error: at most 3e-7 against a double reference for dim up to 4096.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set with FMA.
/// Thread-safe.
Result<OperatorPtr> make_softmax(const OperatorConfig& config);

}  // namespace lanewise::ops
