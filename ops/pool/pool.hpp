#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Reduces each sequence to one row.
///
/// y[s, i], where r goes over the n rows of sequence s and j is the index of r in s, from 0:
///
///   mean           (sum_r x[r, i]) / n
///   sqrt_mean      (sum_r x[r, i]) / sqrt(n)
///   weighted_mean  (sum_r (j + 1) x[r, i]) / (sum_r (j + 1))
///   max            max_r x[r, i]; NaN if one is
///   first          x[r, i] of the first row
///   last           x[r, i] of the last row
///
/// inputs   x [tokens, dim] f32, with sequences
/// output   y [sequences, dim] f32, not x. Zeros for an empty sequence.
/// attributes  kind, required: one of the names above
/// Error of the means: at most 6e-8 * (n + 3) times the same mean of |x[r, i]| against a double
///   reference; rows are added in order. The others are exact.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set.
/// Thread-safe.
Result<OperatorPtr> make_pool(const OperatorConfig& config);

}  // namespace lanewise::ops
