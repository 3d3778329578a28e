#include "ops/norm/l2_normalize_kernels.hpp"

#include "ops/norm/row_sum.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE void normalize_row(const float* x, size_t dim, float eps, float* y) noexcept {
  const f32x16 length = sqrt(broadcast(row_sum<true>(PlainRow{x}, dim)));
  // This order keeps a NaN length. Divides instead of multiplying by the inverse, because the
  // inverse of a length below 3e-39 is infinite.
  const f32x16 divisor = max(broadcast(eps), length);
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) store(y + i, load(x + i) / divisor);
  const size_t left = dim - i;
  if (left > 0) store_first(y + i, load_first(x + i, left) / divisor, left);
}

void normalize(const RowBlock& block, float eps) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    normalize_row(block.x + r * block.x_stride, block.dim, eps, block.y + r * block.y_stride);
  }
}

}  // namespace

LW_KERNELS(L2NormalizeKernels, l2_normalize_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
