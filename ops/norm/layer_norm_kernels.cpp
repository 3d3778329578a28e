#include "ops/norm/layer_norm_kernels.hpp"

#include "ops/norm/row_sum.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// value * weight + bias; without a bias, `bias` is not read.
template <bool kHasBias>
LW_INLINE f32x16 affine(const f32x16& value, const f32x16& weight, const f32x16& bias) noexcept {
  return kHasBias ? fma(value, weight, bias) : value * weight;
}

/// Three passes over a row that stays in the first-level cache: the mean, the variance around it,
/// the result. The variance from sum(x^2) - sum(x)^2 would save one and cancel for large means.
template <bool kHasBias, typename Row>
LW_INLINE void normalize_row(const Row& row, const LayerNormBlock& block, float* y) noexcept {
  const size_t dim = block.rows.dim;
  const auto count = static_cast<float>(dim);
  const CenteredRow<Row> centered{row, broadcast(row_sum<false>(row, dim) / count)};
  const f32x16 variance = broadcast(row_sum<true>(centered, dim) / count);
  const f32x16 scale = broadcast(1.0f) / sqrt(variance + broadcast(block.eps));
  const float* w = block.weight;
  const float* b = block.bias;
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

template <bool kHasBias>
void normalize_rows(const LayerNormBlock& block) noexcept {
  for (size_t r = 0; r < block.rows.rows; ++r) {
    const float* x = block.rows.x + r * block.rows.x_stride;
    float* y = block.rows.y + r * block.rows.y_stride;
    if (block.residual == nullptr) {
      normalize_row<kHasBias>(PlainRow{x}, block, y);
    } else {
      normalize_row<kHasBias>(SumRow{x, block.residual + r * block.residual_stride}, block, y);
    }
  }
}

void normalize(const LayerNormBlock& block) noexcept {
  block.bias == nullptr ? normalize_rows<false>(block) : normalize_rows<true>(block);
}

}  // namespace

LW_KERNELS(LayerNormKernels, layer_norm_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
