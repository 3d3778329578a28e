#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Cosine and sine of the angles by which rotary positions turn each pair of features.
///
///   y[r, i]     = scale * cos(p(r) * frequencies[i])
///   y[r, n + i] = scale * sin(p(r) * frequencies[i])      for 0 <= i < n
///
/// p(r) is the index of the row within its sequence, or comes from the input `positions`. The
/// product is rounded to f32 first, as in PyTorch.
///
/// inputs   ids [rows, 1] i32 with sequences, whose values are not read; positions [rows, 1] i32
///          if has_positions is true
/// output   y [rows, 2 * n] f32
/// weights  frequencies [n] f32, radians per token
/// attributes  scale (1), has_positions (false)
/// Error: at most 6e-8 * |scale| against a double reference that rounds the angle too.
/// Fails with kInvalidArgument if shapes disagree or `scale` is not finite. The same bits on every
/// instruction set. Thread-safe.
/// Source: Su et al. 2021, arXiv:2104.09864.
Result<OperatorPtr> make_rotary_angles(const OperatorConfig& config);

}  // namespace lanewise::ops
