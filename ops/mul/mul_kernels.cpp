#include "ops/mul/mul_kernels.hpp"

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE void mul_row(const float* a, const float* b, size_t dim, float* y) noexcept {
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) store(y + i, load(a + i) * load(b + i));
  const size_t left = dim - i;
  if (left > 0) store_first(y + i, load_first(a + i, left) * load_first(b + i, left), left);
}

void mul(const RowBlock& block, const float* b, size_t b_stride) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    mul_row(block.x + r * block.x_stride, b + r * b_stride, block.dim,
            block.y + r * block.y_stride);
  }
}

}  // namespace

LW_KERNELS(MulKernels, mul_kernels){mul};

}  // namespace lanewise::ops::LW_ISA_NAME
