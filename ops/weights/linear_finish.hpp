#pragma once

/// The epilogue of a linear layer, for the kernels of these folders only.

#include "ops/activation/activation_math.hpp"
#include "ops/row_views.hpp"
#include "ops/weights/linear_block.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Applies the activation to some features of one row, adds the residual, and stores them.
LW_INLINE void finish_features(const LinearOutput& out, f32x16 y, size_t row,
                               const RowPart& features) noexcept {
  if (out.residual != nullptr) y = y + features.from(out.residual + row * out.residual_stride);
  features.to(out.y + row * out.y_stride, y);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
