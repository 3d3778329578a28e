#include "ops/norm/layer_norm_kernels.hpp"

#include "ops/norm/norm_rows.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

template <bool kHasBias>
void normalize_rows(const LayerNormBlock& block) noexcept {
  const size_t dim = block.rows.dim;
  for (size_t r = 0; r < block.rows.rows; ++r) {
    const float* x = block.rows.x + r * block.rows.x_stride;
    float* y = block.rows.y + r * block.rows.y_stride;
    if (block.residual == nullptr) {
      layer_norm_row<kHasBias>(PlainRow{x}, block.norm, dim, y);
    } else {
      const SumRow sum{x, block.residual + r * block.residual_stride};
      layer_norm_row<kHasBias>(sum, block.norm, dim, y);
    }
  }
}

void normalize(const LayerNormBlock& block) noexcept {
  block.norm.bias == nullptr ? normalize_rows<false>(block) : normalize_rows<true>(block);
}

}  // namespace

LW_KERNELS(LayerNormKernels, layer_norm_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
