#include "ops/soft_cap/soft_cap_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

LW_INLINE f32x16 soft_cap(const f32x16& x, const f32x16& cap) noexcept {
  return cap * tanh(x / cap);
}

void apply(float cap, const RowBlock& block) noexcept {
  const f32x16 limit = broadcast(cap);
  for (size_t r = 0; r < block.rows; ++r) {
    const float* x = block.x + r * block.x_stride;
    float* y = block.y + r * block.y_stride;
    size_t i = 0;
    for (; i + kLanes <= block.dim; i += kLanes) store(y + i, soft_cap(load(x + i), limit));
    const size_t left = block.dim - i;
    if (left > 0) store_first(y + i, soft_cap(load_first(x + i, left), limit), left);
  }
}

}  // namespace

LW_KERNELS(SoftCapKernels, soft_cap_kernels){apply};

}  // namespace lanewise::ops::LW_ISA_NAME
