#pragma once

/// What follows the sums of a linear layer, for the kernels of this folder only.

#include "ops/activation/activation_math.hpp"
#include "ops/linear/linear_block.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Up to 16 features of the output from `first` on.
struct Features {
  size_t first;
  size_t count;

  LW_INLINE Features(const LinearOutput& out, size_t feature) noexcept
      : first(feature), count(out.n - feature < kLanes ? out.n - feature : kLanes) {}
  LW_INLINE f32x16 from(const float* row) const noexcept {
    return count == kLanes ? load(row + first) : load_first(row + first, count);
  }
  LW_INLINE void to(float* row, const f32x16& a) const noexcept {
    if (count == kLanes) {
      store(row + first, a);
    } else {
      store_first(row + first, a, count);
    }
  }
};

/// Activation and residual for some features of one row.
template <Activation kActivation>
LW_INLINE void finish_features(const LinearOutput& out, const f32x16& sum, size_t row,
                               const Features& features) noexcept {
  f32x16 y = activate<kActivation>(sum);
  if (out.residual != nullptr) y = y + features.from(out.residual + row * out.residual_stride);
  features.to(out.y + row * out.y_stride, y);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
