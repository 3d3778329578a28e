#pragma once

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Applies a function to every element.
///
///   relu        max(x, 0)
///   gelu        x * (1 + erf(x / sqrt(2))) / 2
///   gelu_tanh   x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
///   gelu_10     gelu(x) clamped to [-10, 10]
///   quick_gelu  x / (1 + e^-1.702x)
///   silu        x / (1 + e^-x)
///   mish        x * tanh(log(1 + e^x))
///   hard_swish  x * min(max(x + 3, 0), 6) / 6
///   relu2       max(x, 0)^2
///   relu6       min(max(x, 0), 6)
///   leaky_relu  max(x, 0.01 x)
///   tanh        tanh(x)
///   sigmoid     1 / (1 + e^-x)
///   laplace     (1 + erf((x - 0.707107) / (0.282095 sqrt(2)))) / 2
///   none        x
///
/// inputs   x [rows, dim] f32
/// output   y [rows, dim] f32. May be x.
/// attributes  kind, required: one of the names above
/// Error: at most 4e-7 * max(1, |x|, |y|) against a double reference. Infinities, NaN and zeros
///   give what PyTorch gives: the gelu family, silu, mish and hard_swish are NaN at -inf.
/// Fails with kInvalidArgument if shapes disagree, with kUnsupported for an unknown kind. The same
/// bits on every instruction set with FMA. Thread-safe.
/// Source: Hendrycks and Gimpel 2016, arXiv:1606.08415 (gelu, silu).
Result<OperatorPtr> make_activation(const OperatorConfig& config);

}  // namespace lanewise::ops
