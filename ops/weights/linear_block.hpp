#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/activation/activation_kind.hpp"
#include "ops/norm/norm.hpp"

namespace lanewise::ops {

/// Output features of one panel of packed weights.
constexpr size_t kPanel = 16;

/// Rows that share a pass over the weights: enough that reading weights from the third-level cache
/// costs nothing beside the arithmetic (48 operations per byte), few enough for a buffer of sums.
constexpr size_t kLinearMaxRows = 96;

/// Bytes q of a row represent scale * q + shift.
struct RowScale {
  float scale;
  float shift;
};

/// Numbers that are converted to bytes together: rows of bytes are padded to a multiple of it.
constexpr size_t kRoundedAtOnce = 64;

constexpr size_t rounded_inputs(size_t k) noexcept {
  return (k + kRoundedAtOnce - 1) / kRoundedAtOnce * kRoundedAtOnce;
}

/// Bytes between rows of x that a kernel converts, `bytes` each: whole cache lines, and not a
/// multiple of 512 bytes, because rows a power of two apart fall into the same few sets of the
/// first-level cache.
constexpr size_t prepared_stride(size_t bytes) noexcept {
  const size_t stride = (bytes + 63) / 64 * 64;
  return stride % 512 == 0 ? stride + 64 : stride;
}

/// Bytes of the buffer for a normalised row before it is rounded: whole cache lines.
constexpr size_t normalized_bytes(const Norm& norm, size_t k) noexcept {
  return norm.kind == NormKind::kNone ? 0 : (k * sizeof(float) + 63) / 64 * 64;
}

/// Bytes of scratch for multiplying up to kLinearMaxRows rows of k inputs, each converted to
/// `bytes` bytes: one normalised row, if there is a norm; the rows; and for each row its RowScale
/// and `sums` sums.
constexpr size_t prepared_bytes(size_t bytes, size_t sums, size_t k, const Norm& norm) noexcept {
  const size_t row = prepared_stride(bytes) + sizeof(RowScale) + sums * sizeof(int32_t);
  return normalized_bytes(norm, k) + kLinearMaxRows * row;
}

/// The epilogue of a linear layer.
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
/// If there is a norm, which only formats that round rows allow, it is applied to x first.
///
/// A row's result does not depend on the rows beside it: for f32 and bf16 the sum is one chain of
/// multiply-adds over k = 0, 1, ..., whatever the number of rows; integer sums are exact.
struct LinearBlock : LinearOutput {
  const float* x;   // [rows, k]
  size_t x_stride;  // floats between rows
  Norm norm;
  size_t rows;
  size_t k;
};

/// A block and the panels of its features, in one format.
template <typename Panels>
struct WeightBlock : LinearBlock {
  Panels w;
};

}  // namespace lanewise::ops
