#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Takes the row of one index from each sequence: hidden[:, index] of a padded batch.
///
///   y[s] = x[offsets[s] + index]        for index >= 0
///   y[s] = x[offsets[s + 1] + index]    for index < 0: -1 is the last row
///
/// inputs   x [tokens, dim] f32, with sequences
/// output   y [sequences, dim] f32, not x. Zeros for a sequence too short to have that row.
/// attributes  index (0)
/// Exact. Fails with kInvalidArgument if shapes disagree. Thread-safe.
Result<OperatorPtr> make_slice_rows(const OperatorConfig& config);

}  // namespace lanewise::ops
