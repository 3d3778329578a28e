#pragma once

/// What follows the sums of a linear layer, for the kernels of this folder only.

#include "ops/activation/activation_math.hpp"
#include "ops/linear/linear_block.hpp"
#include "ops/row_views.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Activation and residual for some features of one row.
template <Activation kActivation>
LW_INLINE void finish_features(const LinearOutput& out, const f32x16& sum, size_t row,
                               const RowPart& features) noexcept {
  f32x16 y = activate<kActivation>(sum);
  if (out.residual != nullptr) y = y + features.from(out.residual + row * out.residual_stride);
  features.to(out.y + row * out.y_stride, y);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
