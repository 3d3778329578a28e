#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Normalises each row to mean 0 and variance 1, then scales and shifts its features.
///
///   z = x[r] + residual[r]
///   y[r, i] = (z[i] - mean(z)) / sqrt(mean_j((z[j] - mean(z))^2) + eps) * w[i] + b[i]
///
/// inputs   x [rows, dim] f32; optionally residual [rows, dim] f32
/// output   y [rows, dim] f32. May be x.
/// weights  weight [dim] f32; bias [dim] f32, optional
/// attributes  eps >= 0 (1e-5)
/// Error: at most 2.5e-7 * ((3 + max_j |z[j]| / sigma) * |w[i]| + 2 |b[i]|) against a double
///   reference, where sigma is the square root above.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set with FMA.
/// Thread-safe.
/// Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450.
Result<OperatorPtr> make_layer_norm(const OperatorConfig& config);

}  // namespace lanewise::ops
