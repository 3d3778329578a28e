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
/// Models with LongRoPE have other frequencies for long sequences: those of more than
/// trained_tokens tokens, or those for which the input `is_long` is not 0.
///
/// inputs   ids [rows, 1] i32 with sequences, whose values are not read; if has_positions is true,
///          positions [rows, 1] i32, and with trained_tokens is_long [rows, 1] i32
/// output   y [rows, 2 * n] f32
/// weights  frequencies [n] f32, radians per token; long_frequencies [n] f32 with trained_tokens
/// attributes  scale (1), has_positions (false), trained_tokens (0: all lengths have the same
///          frequencies)
/// Error: at most 6e-8 * |scale| against a double reference that rounds the angle too.
/// Fails with kInvalidArgument if shapes disagree, `scale` is not finite or
/// `trained_tokens` is negative. The same bits on every
/// instruction set. Thread-safe.
/// Source: Su et al. 2021, arXiv:2104.09864; Ding et al. 2024, arXiv:2402.13753 (LongRoPE).
Result<OperatorPtr> make_rotary_angles(const OperatorConfig& config);

}  // namespace lanewise::ops
