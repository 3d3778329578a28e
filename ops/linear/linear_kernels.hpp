#pragma once

#include <cstddef>

#include "ops/activation/activation_kind.hpp"

namespace lanewise::ops {

/// Output features of one panel of packed weights.
constexpr size_t kPanel = 16;

/// Rows that share a pass over the weights: enough that weights from the third-level cache cost
/// nothing beside the arithmetic (48 operations a byte), few enough for a buffer of sums.
constexpr size_t kLinearMaxRows = 96;

/// One block of rows times one range of panels.
///
///   y[r, n] = activation(sum_k x[r, k] * w[n, k] + bias[n]) + residual[r, n]
///
/// The sum is one chain of multiply-adds over k = 0, 1, ..., whatever the number of rows: a row's
/// result does not depend on the rows beside it.
struct LinearBlock {
  const float* x;         // [rows, k]
  size_t x_stride;        // floats between rows
  const float* w;         // [ceil(n / 16)][k][16]; features beyond n are zeros
  const float* bias;      // [n], or null
  const float* residual;  // [rows, n], or null. May be y.
  size_t residual_stride;
  float* y;  // [rows, n]
  size_t y_stride;
  size_t rows;
  size_t k;
  size_t n;
  Activation activation;
};

struct LinearKernels {
  void (*multiply)(const LinearBlock& block) noexcept;
  /// Only what follows the sum: y holds the sums and is finished in place (x, w unused).
  void (*finish)(const LinearBlock& block) noexcept;
  /// The most rows that `multiply` works on at once.
  size_t tile_rows;
};

}  // namespace lanewise::ops
