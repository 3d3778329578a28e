#include "ops/pool/pool_kernels.hpp"

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// A sum over rows, divided.
struct Mean {
  float divisor;

  LW_INLINE f32x16 add(const f32x16& sum, const f32x16& x, size_t) const noexcept {
    return sum + x;
  }
  LW_INLINE f32x16 finish(const f32x16& sum) const noexcept { return sum / broadcast(divisor); }
};

/// The same with row r weighted by r + 1. Not an FMA, so that the bits are the same on every
/// instruction set.
struct WeightedMean {
  float divisor;

  LW_INLINE f32x16 add(const f32x16& sum, const f32x16& x, size_t row) const noexcept {
    return sum + x * broadcast(static_cast<float>(row + 1));
  }
  LW_INLINE f32x16 finish(const f32x16& sum) const noexcept { return sum / broadcast(divisor); }
};

/// The largest so far. max() lets a NaN in x through; select() keeps one from an earlier row.
struct Max {
  LW_INLINE f32x16 add(const f32x16& largest, const f32x16& x, size_t) const noexcept {
    return select(equal(largest, largest), max(largest, x), largest);
  }
  LW_INLINE f32x16 finish(const f32x16& largest) const noexcept { return largest; }
};

/// kVectors * 16 columns of all rows. Row by row, so that a column is summed in the same order
/// whatever its neighbours.
template <size_t kVectors, typename Reduction>
LW_INLINE void reduce_columns(const Reduction& reduction, const float* x, size_t x_stride,
                              size_t rows, float* y) noexcept {
  f32x16 result[kVectors];
  LW_UNROLL for (size_t v = 0; v < kVectors; ++v) result[v] = load(x + v * kLanes);
  for (size_t r = 1; r < rows; ++r) {
    const float* row = x + r * x_stride;
    LW_UNROLL for (size_t v = 0; v < kVectors; ++v) {
      result[v] = reduction.add(result[v], load(row + v * kLanes), r);
    }
  }
  LW_UNROLL for (size_t v = 0; v < kVectors; ++v) {
    store(y + v * kLanes, reduction.finish(result[v]));
  }
}

/// The last n < 16 columns.
template <typename Reduction>
LW_INLINE void reduce_last_columns(const Reduction& reduction, const float* x, size_t x_stride,
                                   size_t rows, size_t n, float* y) noexcept {
  f32x16 result = load_first(x, n);
  for (size_t r = 1; r < rows; ++r) {
    result = reduction.add(result, load_first(x + r * x_stride, n), r);
  }
  store_first(y, reduction.finish(result), n);
}

template <typename Reduction>
LW_INLINE void reduce(const Reduction& reduction, const float* x, size_t x_stride, size_t rows,
                      size_t dim, float* y) noexcept {
  // Enough columns at once to hide the latency of an addition, few enough for AVX2's registers.
  constexpr size_t kVectors = 4;
  size_t i = 0;
  for (; i + kVectors * kLanes <= dim; i += kVectors * kLanes) {
    reduce_columns<kVectors>(reduction, x + i, x_stride, rows, y + i);
  }
  for (; i + kLanes <= dim; i += kLanes) {
    reduce_columns<1>(reduction, x + i, x_stride, rows, y + i);
  }
  if (i < dim) reduce_last_columns(reduction, x + i, x_stride, rows, dim - i, y + i);
}

void mean_of_rows(const float* x, size_t x_stride, size_t rows, size_t dim, float divisor,
                  float* y) noexcept {
  reduce(Mean{divisor}, x, x_stride, rows, dim, y);
}

void weighted_mean_of_rows(const float* x, size_t x_stride, size_t rows, size_t dim, float divisor,
                           float* y) noexcept {
  reduce(WeightedMean{divisor}, x, x_stride, rows, dim, y);
}

void max_of_rows(const float* x, size_t x_stride, size_t rows, size_t dim, float* y) noexcept {
  reduce(Max{}, x, x_stride, rows, dim, y);
}

}  // namespace

LW_KERNELS(PoolKernels, pool_kernels){mean_of_rows, weighted_mean_of_rows, max_of_rows};

}  // namespace lanewise::ops::LW_ISA_NAME
