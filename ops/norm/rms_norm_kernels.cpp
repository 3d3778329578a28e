#include "ops/norm/rms_norm_kernels.hpp"

#include "ops/norm/norm_rows.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

void normalize(const RmsNormBlock& block) noexcept {
  for (size_t r = 0; r < block.rows.rows; ++r) {
    rms_norm_row(block.rows.x + r * block.rows.x_stride, block.norm, block.rows.dim,
                 block.rows.y + r * block.rows.y_stride);
  }
}

}  // namespace

LW_KERNELS(RmsNormKernels, rms_norm_kernels){normalize};

}  // namespace lanewise::ops::LW_ISA_NAME
