#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Turns pairs of features of the first `heads` heads of each row; later features are copied.
///
///   y[a] = x[a] * cos - x[b] * sin
///   y[b] = x[b] * cos + x[a] * sin
///
/// Pair i of a head, of n, consists of its features a = i and b = n + i, or a = 2 * i and
/// b = 2 * i + 1 if `interleaved`. Features of a head from 2 * n on are copied.
///
/// inputs   x [rows, features] f32, features >= heads * head_dim;
///          angles [rows, 2 * n] f32, 2 * n <= head_dim: n cosines, then n sines (rotary_angles.hpp)
/// output   y [rows, features] f32. May be x.
/// attributes  heads and head_dim, required; interleaved (false)
/// Error: at most 2e-7 * (|x[a]| + |x[b]|) * max(|cos|, |sin|) against a double reference.
/// Fails with kInvalidArgument if shapes or attributes disagree. The same bits on every
/// instruction set with FMA. Thread-safe.
/// Source: Su et al. 2021, arXiv:2104.09864 (interleaved); the pairing by halves is that of
/// GPT-NeoX, arXiv:2204.06745.
Result<OperatorPtr> make_rotary(const OperatorConfig& config);

}  // namespace lanewise::ops
