#include "ops/norm/rms_norm_kernels.hpp"

#include "ops/norm/norm_rows.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

void normalize(const RmsNormBlock& block) noexcept {
  for (size_t r = 0; r < block.rows.rows; ++r) {
    const float* x = block.rows.x + r * block.rows.x_stride;
    float* y = block.rows.y + r * block.rows.y_stride;
    for (size_t i = 0; i < block.rows.dim; i += block.group) {
      rms_norm_row(x + i, block.norm, block.group, y + i);
    }
  }
}

}  // namespace

LW_KERNELS(RmsNormKernels, rms_norm_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
