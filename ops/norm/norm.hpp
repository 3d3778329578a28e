#pragma once

namespace lanewise::ops {

/// The default of eps.
constexpr double kLayerNormEps = 1e-5;
constexpr double kRmsNormEps = 1e-6;

/// The norms that a linear layer can apply to its input (ops/linear/linear.hpp).
enum class NormKind { kNone, kLayerNorm, kRmsNorm };

/// A norm of rows of `dim` features: layer_norm.hpp without residual, or rms_norm.hpp.
struct Norm {
  NormKind kind = NormKind::kNone;
  const float* weight = nullptr;  // [dim]
  const float* bias = nullptr;    // layer norm: [dim], or null
  float eps = 0.0f;
};

}  // namespace lanewise::ops
