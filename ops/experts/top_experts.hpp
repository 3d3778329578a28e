#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Chooses the experts of each token: those with the largest probabilities.
///
///   e[r, 0..top_k) = the indices of the top_k largest x[r, i], the largest first, of equal ones
///                    the lower index
///   w[r, j] = x[r, e[r, j]], divided by sum_j x[r, e[r, j]] if `normalize`
///
/// inputs   x [rows, experts] f32, probabilities
/// output   routes [rows, 2 * top_k] f32: e, exact, then w. Not x.
/// attributes  top_k, 1 to experts; normalize (false)
/// Error: of a normalised weight at most 1e-6. NaN is never among the largest unless nothing else is
/// left; indices are valid whatever x is.
/// Fails with kInvalidArgument if attributes and operands do not match. The same bits on every CPU.
/// Thread-safe.
Result<OperatorPtr> make_top_experts(const OperatorConfig& config);

}  // namespace lanewise::ops
