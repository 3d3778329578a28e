#pragma once

/// Converts rows of queries, keys, values and results to and from the layouts that attention
/// computes in. For kernel sources only.

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Prefetches a row. Rows are kilobytes apart, so the hardware predicts none of them, and the loops
/// below overlap only a few misses.
LW_INLINE void prefetch_row(const float* row, size_t n) noexcept {
  constexpr size_t kLineFloats = 16;
  for (size_t i = 0; i < n; i += kLineFloats) __builtin_prefetch(row + i, 0, 2);
}

/// out[i][lane] = rows[lane][i] * factor for n elements of 16 rows.
void gather_rows(const float* const* rows, size_t n, float factor, float* out) noexcept {
  const float factors[4] = {factor, factor, factor, factor};
  for (size_t lane = 0; lane < kLanes; lane += 4) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      float* y = out + i * kLanes + lane;
      transpose_4x4(rows[lane] + i, rows[lane + 1] + i, rows[lane + 2] + i, rows[lane + 3] + i,
                    factors, y, y + kLanes, y + 2 * kLanes, y + 3 * kLanes);
    }
    for (; i < n; ++i) {
      for (size_t r = 0; r < 4; ++r) out[i * kLanes + lane + r] = rows[lane + r][i] * factor;
    }
  }
}

/// rows[lane][i] = in[i][lane] * factor[lane] + 0 for n elements of `count` <= 16 rows. Adding 0
/// turns -0 into 0, because a hidden key may have turned 0 into -0.
void scatter_rows(const float* in, size_t n, const float* factor, float* const* rows,
                  size_t count) noexcept {
  size_t lane = 0;
  for (; lane + 4 <= count; lane += 4) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const float* x = in + i * kLanes + lane;
      transpose_4x4(x, x + kLanes, x + 2 * kLanes, x + 3 * kLanes, factor + lane, rows[lane] + i,
                    rows[lane + 1] + i, rows[lane + 2] + i, rows[lane + 3] + i);
    }
    for (; i < n; ++i) {
      for (size_t r = lane; r < lane + 4; ++r) rows[r][i] = in[i * kLanes + r] * factor[r] + 0.0f;
    }
  }
  for (; lane < count; ++lane) {
    for (size_t i = 0; i < n; ++i) rows[lane][i] = in[i * kLanes + lane] * factor[lane] + 0.0f;
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
