#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// A linear layer with what usually follows it.
///
///   y[r, n] = activation(sum_k x[r, k] * W[n, k] + b[n]) + residual[r, n]
///
/// inputs   x [rows, k] f32; with the attribute has_residual also residual [rows, n] f32, which
///          may be y
/// output   y [rows, n] f32, not x
/// weights  weight [ceil(n / 16), k, 16] f32: panels of 16 output features, those beyond n zero,
///          or the tensors of another format of ops/weights; bias [n] f32, optional. With a
///          norm also norm_weight [k] f32 and, for layer_norm, norm_bias [k] f32, optional
/// attributes  activation (a kind of the operator `activation`; none), has_residual (false);
///          norm (layer_norm, rms_norm; none by default), norm_eps >= 0 (the default of that
///          operator): x is the normalised input. Only for formats that round rows. Plans set it,
///          model files must not have it (runtime/plan/absorb_norms.hpp).
/// Error: against a double reference at most 6e-8 * (2 + sqrt(k)) * (1 + sum_k |x[r, k] * W[n, k]|)
///   of the sum, times the slope of the activation, plus 5e-7 * max(1, |y|). For formats that round
///   rows, x is the rounded row (quantize_row.hpp). With a norm, the bits are those of that
///   operator followed by a layer without one.
/// Fails with kInvalidArgument if shapes disagree. The same bits for a row in every batch, cut and
/// number of threads, and on every instruction set with FMA.
///
/// Several implementations can compute it (linear_list.hpp); the first that takes the problem does.
Result<OperatorPtr> make_linear(const OperatorConfig& config);

}  // namespace lanewise::ops
