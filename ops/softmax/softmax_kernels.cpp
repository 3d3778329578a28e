#include "ops/softmax/softmax_kernels.hpp"

#include "ops/activation/activation_math.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// The largest element. With a NaN it may be any other, since the sum of the exponentials is then
/// NaN whatever is subtracted.
LW_INLINE float row_max(const float* x, size_t dim) noexcept {
  f32x16 largest = broadcast(-kInfinity);
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) largest = max(largest, load(x + i));
  const size_t left = dim - i;
  if (left > 0) {
    const mask16 inside = less(lane_index(), broadcast(static_cast<float>(left)));
    largest = max(largest, select(inside, load_first(x + i, left), broadcast(-kInfinity)));
  }
  return reduce_max(largest);
}

LW_INLINE void softmax_row(const float* x, size_t dim, float scale_log2, float* y) noexcept {
  float largest = row_max(x, dim);
  // -inf - -inf would be NaN; with 0, a row of -inf alone becomes zeros.
  if (largest == -kInfinity) largest = 0.0f;
  const f32x16 m = broadcast(largest);
  const f32x16 scale = broadcast(scale_log2);
  f32x16 sum = zero();
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    const f32x16 e = exp2((load(x + i) - m) * scale);
    store(y + i, e);
    sum = sum + e;
  }
  const size_t left = dim - i;
  if (left > 0) {
    const f32x16 e = exp2((load_first(x + i, left) - m) * scale);
    store_first(y + i, e, left);
    sum = sum + select(less(lane_index(), broadcast(static_cast<float>(left))), e, zero());
  }
  const float total = reduce_add(sum);
  const f32x16 inverse = broadcast(total == 0.0f ? 0.0f : 1.0f / total);
  for (i = 0; i + kLanes <= dim; i += kLanes) store(y + i, load(y + i) * inverse);
  if (left > 0) store_first(y + i, load_first(y + i, left) * inverse, left);
}

void softmax(const RowBlock& block, float scale_log2) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    softmax_row(block.x + r * block.x_stride, block.dim, scale_log2, block.y + r * block.y_stride);
  }
}

}  // namespace

LW_KERNELS(SoftmaxKernels, softmax_kernels){softmax};

}  // namespace lanewise::ops::LW_ISA_NAME
