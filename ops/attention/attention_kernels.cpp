#include "ops/attention/attention_kernels.hpp"

#include "ops/attention/attention_walk.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Copies kRows rows of n elements into rows of whole vectors, zero-padded. Adds 0 * x to `check`,
/// one chain per row.
template <size_t kRows>
LW_INLINE void copy_few_rows(const float* from, size_t from_stride, size_t n, float* to,
                             size_t to_stride, f32x16 (&check)[4]) noexcept {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const f32x16 x = load(from + r * from_stride + i);
      store(to + r * to_stride + i, x);
      check[r] = fma(x, zero(), check[r]);
    }
  }
  if (i == n) return;
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    const f32x16 x = load_first(from + r * from_stride + i, n - i);
    store(to + r * to_stride + i, x);
    check[r] = fma(x, zero(), check[r]);
  }
}

/// Copies rows of n elements and returns whether all are finite. Rows as far apart as those of q |
/// k | v share few sets of the first-level cache, and each needs its own TLB entry.
bool copy_rows(const float* from, size_t from_stride, size_t rows, size_t n, float* to,
               size_t to_stride) noexcept {
  // 0 * x is NaN if x is not finite. Four chains, because an FMA takes four cycles.
  f32x16 check[4] = {zero(), zero(), zero(), zero()};
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    copy_few_rows<4>(from + r * from_stride, from_stride, n, to + r * to_stride, to_stride, check);
  }
  for (; r < rows; ++r) {
    copy_few_rows<1>(from + r * from_stride, from_stride, n, to + r * to_stride, to_stride, check);
  }
  const float folded = reduce_add((check[0] + check[1]) + (check[2] + check[3]));
  return folded == folded;
}

struct F32Products {
  static constexpr size_t kTogether = 1;
  using Vector = f32x16;

  LW_INLINE static f32x16 load(const float* p) noexcept { return LW_ISA_NAME::load(p); }
  LW_INLINE static f32x16 broadcast(const float* p) noexcept { return LW_ISA_NAME::broadcast(*p); }
  LW_INLINE static f32x16 multiply_add(const f32x16& a, const f32x16& b,
                                       const f32x16& sum) noexcept {
    return fma(a, b, sum);
  }
  LW_INLINE static f32x16 where_not_zero(const f32x16& weights, const f32x16& values) noexcept {
    return select(equal(weights, zero()), zero(), values);
  }
  LW_INLINE static void store_weights(float* p, const f32x16 (&weights)[1]) noexcept {
    store(p, weights[0]);
  }

  static void gather_queries(const float* const* rows, size_t n, float factor,
                             float* out) noexcept {
    gather_rows(rows, n, factor, out);
  }
  static void copy_keys(const float* from, size_t stride, size_t rows, size_t n, float* to,
                        size_t to_stride) noexcept {
    copy_rows(from, stride, rows, n, to, to_stride);
  }
  static bool copy_values(const float* from, size_t stride, size_t rows, size_t n, float* to,
                          size_t to_stride) noexcept {
    return copy_rows(from, stride, rows, n, to, to_stride);
  }
};

}  // namespace

LW_KERNELS(AttentionKernels, attention_kernels) = {attend<F32Products>};

}  // namespace lanewise::ops::LW_ISA_NAME
