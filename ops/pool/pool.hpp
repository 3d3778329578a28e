#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Makes one row of each sequence.
///
///   mean   y[s, i] = (sum of x[r, i] over the rows r of sequence s) / (their number)
///   sqrt_mean      the sum over the square root of their number
///   weighted_mean  (sum of (n + 1) x[r, i]) / (sum of (n + 1)), where row r is number n from 0
///   max    y[s, i] = the largest of them; NaN if one is
///   first  y[s, i] = the first of them
///   last   y[s, i] = the last of them
///
/// inputs   x [tokens, dim] f32, with sequences
/// output   y [sequences, dim] f32, not x. Zeros for an empty sequence.
/// attributes  kind, required: one of the names above
/// Error: the means at most 6e-8 * (length + 3) times the same mean of |x[r, i]| against a double
///   reference; the rows are added in their order. The others are exact.
/// Fails with kInvalidArgument if shapes disagree. The same bits on every instruction set.
/// Thread-safe.
Result<OperatorPtr> make_pool(const OperatorConfig& config);

}  // namespace lanewise::ops
