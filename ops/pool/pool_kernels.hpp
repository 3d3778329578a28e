#pragma once

#include <cstddef>

namespace lanewise::ops {

enum class PoolKind { kMean, kSqrtMean, kWeightedMean, kMax, kFirst, kLast };

struct PoolKernels {
  /// y[i] = sum_r x[r, i] / divisor, for rows >= 1 of x [rows, dim].
  void (*mean)(const float* x, size_t x_stride, size_t rows, size_t dim, float divisor,
               float* y) noexcept;
  /// y[i] = sum_r (r + 1) x[r, i] / divisor.
  void (*weighted_mean)(const float* x, size_t x_stride, size_t rows, size_t dim, float divisor,
                        float* y) noexcept;
  /// y[i] = max_r x[r, i], NaN if any is.
  void (*max)(const float* x, size_t x_stride, size_t rows, size_t dim, float* y) noexcept;
};

}  // namespace lanewise::ops
