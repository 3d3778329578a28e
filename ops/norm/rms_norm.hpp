#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Scales each group of features of a row to unit root-mean-square, then by `weight`.
///
///   y[r, i] = x[r, i] * w[i] / sqrt(mean_j(x[r, j]^2) + eps),   j: the features in the group of i
///
/// There is one group, the whole row, unless the weight is shorter than a row: the norm of the
/// heads of queries and keys.
///
/// inputs   x [rows, dim] f32
/// output   y [rows, dim] f32. May be x.
/// weights  weight [group] f32, where group divides dim: each group uses the same weight
/// attributes  eps >= 0 (1e-6)
/// Error: at most 5e-7 * |y| against a double reference.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set with FMA.
/// Thread-safe.
/// Source: Zhang and Sennrich 2019, arXiv:1910.07467; of heads: Henry et al. 2020, arXiv:2010.04245.
Result<OperatorPtr> make_rms_norm(const OperatorConfig& config);

}  // namespace lanewise::ops
