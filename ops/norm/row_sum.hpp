#pragma once

/// Sums over one row (a view like those of ops/row_views.hpp), for the kernels of this folder only.

#include "ops/row_views.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// x + residual
struct SumRow {
  const float* x;
  const float* residual;
  LW_INLINE f32x16 all(size_t i) const noexcept { return load(x + i) + load(residual + i); }
  LW_INLINE f32x16 first(size_t i, size_t n) const noexcept {
    return load_first(x + i, n) + load_first(residual + i, n);
  }
};

/// row - mean
template <typename Row>
struct CenteredRow {
  Row row;
  f32x16 mean;
  LW_INLINE f32x16 all(size_t i) const noexcept { return row.all(i) - mean; }
  LW_INLINE f32x16 first(size_t i, size_t n) const noexcept {
    const mask16 inside = less(lane_index(), broadcast(static_cast<float>(n)));
    return select(inside, row.first(i, n) - mean, zero());
  }
};

template <bool kSquares>
LW_INLINE f32x16 accumulate(const f32x16& value, const f32x16& sum) noexcept {
  return kSquares ? fma(value, value, sum) : sum + value;
}

/// sum_i row[i], or sum_i row[i]^2.
template <bool kSquares, typename Row>
LW_INLINE float row_sum(const Row& row, size_t dim) noexcept {
  // An addition takes 3 to 4 cycles, and two can start per cycle: 4 vectors of 16 keep AVX2 busy,
  // and more would not fit into its registers. All instruction sets use 4, because the number of
  // sums determines the bits.
  constexpr size_t kSums = 4;
  f32x16 sum[kSums] = {zero(), zero(), zero(), zero()};
  size_t i = 0;
  for (; i + kSums * kLanes <= dim; i += kSums * kLanes) {
    LW_UNROLL for (size_t s = 0; s < kSums; ++s) {
      sum[s] = accumulate<kSquares>(row.all(i + s * kLanes), sum[s]);
    }
  }
  for (; i + kLanes <= dim; i += kLanes) sum[0] = accumulate<kSquares>(row.all(i), sum[0]);
  if (i < dim) sum[1] = accumulate<kSquares>(row.first(i, dim - i), sum[1]);
  return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
