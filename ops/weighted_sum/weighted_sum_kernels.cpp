#include "ops/weighted_sum/weighted_sum_kernels.hpp"

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

template <bool kAdds>
LW_INLINE f32x16 weighted(const f32x16& x, const f32x16& weight, const f32x16& y) noexcept {
  return kAdds ? fma(weight, x, y) : weight * x;
}

template <bool kAdds>
void weighted_rows(float factor, const RowBlock& block) noexcept {
  const f32x16 weight = broadcast(factor);
  for (size_t r = 0; r < block.rows; ++r) {
    const float* x = block.x + r * block.x_stride;
    float* y = block.y + r * block.y_stride;
    size_t i = 0;
    for (; i + kLanes <= block.dim; i += kLanes) {
      const f32x16 before = kAdds ? load(y + i) : zero();
      store(y + i, weighted<kAdds>(load(x + i), weight, before));
    }
    const size_t left = block.dim - i;
    if (left == 0) continue;
    const f32x16 before = kAdds ? load_first(y + i, left) : zero();
    store_first(y + i, weighted<kAdds>(load_first(x + i, left), weight, before), left);
  }
}

}  // namespace

LW_KERNELS(WeightedSumKernels, weighted_sum_kernels){weighted_rows<false>, weighted_rows<true>};

}  // namespace lanewise::ops::LW_ISA_NAME
