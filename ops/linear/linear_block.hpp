#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/activation/activation_kind.hpp"
#include "ops/norm/norm.hpp"

namespace lanewise::ops {

/// Output features of one panel of packed weights.
constexpr size_t kPanel = 16;

/// Rows that share a pass over the weights: enough that weights from the third-level cache cost
/// nothing beside the arithmetic (48 operations a byte), few enough for a buffer of sums.
constexpr size_t kLinearMaxRows = 96;

/// How the weight of a linear layer is stored (ops/linear/README.md).
enum class LinearType { kF32, kBF16, kI8, kI4 };
constexpr size_t kLinearTypes = 4;

/// A weight [n, k] in panels of 16 output features, those beyond n zero.
struct LinearWeight {
  LinearType type = LinearType::kF32;
  /// f32 [panels][k][16], bf16 [panels][ceil(k / 2)][16][2], i8 [panels][ceil(k / 4)][16][4],
  /// i4 [panels][k8 / 8][16 * 4 bytes of two 4-bit numbers], k8 = k in whole groups
  const std::byte* panels = nullptr;
  const float* scale = nullptr;        // i8 [n]; i4 [panels][groups][16]
  const int32_t* sum = nullptr;        // i8 [n]: sum_k of the integers
  const float* total = nullptr;        // i4 [n]: sum_k w[n, k]
  const float* minimum = nullptr;      // i4 [panels][groups][16], or null: -8 * scale
  const float* input_scale = nullptr;  // i8, i4 [k]: x is multiplied by it first; or null
  size_t group = 0;                    // i4: inputs that share a scale
  size_t panel_bytes = 0;              // from panel to panel

  /// The weight of the features from `feature` on, a multiple of 16.
  LinearWeight from(size_t feature, size_t k) const noexcept {
    LinearWeight w = *this;
    const size_t panel = feature / kPanel;
    const size_t scales = type == LinearType::kI4 ? (k + group - 1) / group * kPanel : kPanel;
    w.panels += panel * panel_bytes;
    if (scale != nullptr) w.scale += panel * scales;
    if (sum != nullptr) w.sum += feature;
    if (total != nullptr) w.total += feature;
    if (minimum != nullptr) w.minimum += panel * scales;
    return w;
  }
};

/// What the bytes q of a row stand for: scale * q + shift.
struct RowScale {
  float scale;
  float shift;
};

/// Numbers that become bytes together: rows of bytes are a multiple of it long.
constexpr size_t kRoundedAtOnce = 64;

constexpr size_t rounded_inputs(size_t k) noexcept {
  return (k + kRoundedAtOnce - 1) / kRoundedAtOnce * kRoundedAtOnce;
}

/// Bytes between rows of x that a kernel keeps in another form, `bytes` each: whole cache lines,
/// and not a multiple of 512 bytes, because rows that lie a power of two apart fall into the same
/// few sets of the first-level cache.
constexpr size_t prepared_stride(size_t bytes) noexcept {
  const size_t stride = (bytes + 63) / 64 * 64;
  return stride % 512 == 0 ? stride + 64 : stride;
}

/// Bytes of the row that a norm is written to before it is rounded: whole cache lines.
constexpr size_t normalized_bytes(const Norm& norm, size_t k) noexcept {
  return norm.kind == NormKind::kNone ? 0 : (k * sizeof(float) + 63) / 64 * 64;
}

/// Bytes of scratch that multiplying up to kLinearMaxRows rows of k inputs with `w` takes: one row
/// behind the norm, where there is one; the rows, at most two bytes for each input and some for the
/// last ones; and for each row its RowScale and the sums of its groups.
constexpr size_t prepared_bytes(const LinearWeight& w, size_t k, const Norm& norm = {}) noexcept {
  if (w.type == LinearType::kF32) return 0;
  const size_t groups = w.group == 0 ? 1 : (k + w.group - 1) / w.group;
  const size_t bytes = w.group == 0 ? 2 * rounded_inputs(k) : rounded_inputs(groups * w.group);
  const size_t row = prepared_stride(bytes) + sizeof(RowScale) + groups * sizeof(int32_t);
  return normalized_bytes(norm, k) + kLinearMaxRows * row;
}

/// What follows the sums of a linear layer.
struct LinearOutput {
  const float* bias;      // [n], or null
  const float* residual;  // [rows, n], or null. May be y.
  size_t residual_stride;
  float* y;  // [rows, n]
  size_t y_stride;
  size_t n;
  Activation activation;
};

/// One block of rows times one range of panels.
///
///   y[r, n] = activation(sum_k x[r, k] * w[n, k] + bias[n]) + residual[r, n]
///
/// where a norm of x takes the place of x if there is one, which i8 and i4 alone allow.
///
/// A row's result does not depend on the rows beside it: for f32 and bf16 the sum is one chain of
/// multiply-adds over k = 0, 1, ..., whatever the number of rows; integers are exact.
struct LinearBlock : LinearOutput {
  const float* x;   // [rows, k]
  size_t x_stride;  // floats between rows
  Norm norm;
  LinearWeight w;
  size_t rows;
  size_t k;
};

}  // namespace lanewise::ops
