#pragma once

/// What follows the sums of a linear layer, for the kernels of the folders here only.

#include "ops/activation/activation_math.hpp"
#include "ops/row_views.hpp"
#include "ops/weights/linear_block.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Adds the residual to some features of one row, the activation behind them, and stores them.
LW_INLINE void finish_features(const LinearOutput& out, f32x16 y, size_t row,
                               const RowPart& features) noexcept {
  if (out.residual != nullptr) y = y + features.from(out.residual + row * out.residual_stride);
  features.to(out.y + row * out.y_stride, y);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
