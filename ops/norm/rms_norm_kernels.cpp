#include "ops/norm/rms_norm_kernels.hpp"

#include "ops/norm/row_sum.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE void normalize_row(const float* x, const RmsNormBlock& block, float* y) noexcept {
  const size_t dim = block.rows.dim;
  const float mean = row_sum<true>(PlainRow{x}, dim) / static_cast<float>(dim);
  const f32x16 scale = broadcast(1.0f) / sqrt(broadcast(mean) + broadcast(block.eps));
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) store(y + i, load(x + i) * scale * load(block.weight + i));
  const size_t left = dim - i;
  if (left == 0) return;
  const f32x16 weight = load_first(block.weight + i, left);
  store_first(y + i, load_first(x + i, left) * scale * weight, left);
}

void normalize(const RmsNormBlock& block) noexcept {
  for (size_t r = 0; r < block.rows.rows; ++r) {
    normalize_row(block.rows.x + r * block.rows.x_stride, block,
                  block.rows.y + r * block.rows.y_stride);
  }
}

}  // namespace

LW_KERNELS(RmsNormKernels, rms_norm_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
