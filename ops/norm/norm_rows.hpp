#pragma once

/// Computes one row of a norm, for the kernels here and those of ops/linear, with the same bits.

#include "ops/norm/norm.hpp"
#include "ops/norm/row_sum.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// value * weight + bias; without a bias, `bias` is not read.
template <bool kHasBias>
LW_INLINE f32x16 affine(const f32x16& value, const f32x16& weight, const f32x16& bias) noexcept {
  return kHasBias ? fma(value, weight, bias) : value * weight;
}

/// Makes three passes over a row, which stays in the first-level cache: mean, variance, result.
/// Computing the variance from sum(x^2) - sum(x)^2 would save a pass, but cancels for large means.
template <bool kHasBias, typename Row>
LW_INLINE void layer_norm_row(const Row& row, const Norm& norm, size_t dim, float* y) noexcept {
  const auto count = static_cast<float>(dim);
  const CenteredRow<Row> centered{row, broadcast(row_sum<false>(row, dim) / count)};
  const f32x16 variance = broadcast(row_sum<true>(centered, dim) / count);
  const f32x16 scale = broadcast(1.0f) / sqrt(variance + broadcast(norm.eps));
  const float* w = norm.weight;
  const float* b = norm.bias;
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    const f32x16 bias = kHasBias ? load(b + i) : zero();
    store(y + i, affine<kHasBias>(centered.all(i) * scale, load(w + i), bias));
  }
  const size_t left = dim - i;
  if (left == 0) return;
  const f32x16 bias = kHasBias ? load_first(b + i, left) : zero();
  const f32x16 value = centered.first(i, left) * scale;
  store_first(y + i, affine<kHasBias>(value, load_first(w + i, left), bias), left);
}

LW_INLINE void rms_norm_row(const float* x, const Norm& norm, size_t dim, float* y) noexcept {
  const float mean = row_sum<true>(PlainRow{x}, dim) / static_cast<float>(dim);
  const f32x16 scale = broadcast(1.0f) / sqrt(broadcast(mean) + broadcast(norm.eps));
  const float* w = norm.weight;
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) store(y + i, load(x + i) * scale * load(w + i));
  const size_t left = dim - i;
  if (left == 0) return;
  store_first(y + i, load_first(x + i, left) * scale * load_first(w + i, left), left);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
