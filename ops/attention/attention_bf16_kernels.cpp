#include "ops/attention/attention_bf16_kernels.hpp"

#include "ops/simd_bf16.hpp"

#if LW_HAS_BF16_DOT
#include "ops/attention/attention_walk.hpp"
#endif

namespace lanewise::ops::LW_ISA_NAME {
#if LW_HAS_BF16_DOT
namespace {

/// An array of float viewed as bf16.
LW_INLINE uint16_t* bf16(float* p) noexcept { return reinterpret_cast<uint16_t*>(p); }
LW_INLINE const uint16_t* bf16(const float* p) noexcept {
  return reinterpret_cast<const uint16_t*>(p);
}

/// 16 elements of a row from i on; zero from n on.
LW_INLINE f32x16 load_part(const float* row, size_t i, size_t n) noexcept {
  return i + kLanes <= n ? load(row + i) : load_first(row + i, n - i);
}

/// Interleaves two rows of n elements into pairs, in whole vectors. A null row counts as zeros.
/// Adds 0 * x to `check`.
LW_INLINE void copy_row_pair(const float* even, const float* odd, size_t n, float* to,
                             f32x16& check) noexcept {
  // bf16 has a smaller maximum than f32: values that round to infinity must count as infinite.
  const f32x16 margin = broadcast(1.00390625f);
  for (size_t i = 0; i < n; i += kLanes) {
    const f32x16 a = load_part(even, i, n);
    const f32x16 b = odd == nullptr ? zero() : load_part(odd, i, n);
    store_bf16_pairs(bf16(to + i), a, b);
    check = fma(a * margin, zero(), fma(b * margin, zero(), check));
  }
}

struct Bf16Products {
  static constexpr size_t kTogether = 2;
  using Vector = bf16x32;

  LW_INLINE static bf16x32 load(const float* p) noexcept { return load_bf16(bf16(p)); }
  LW_INLINE static bf16x32 broadcast(const float* p) noexcept {
    return broadcast_bf16_pair(bf16(p));
  }
  LW_INLINE static f32x16 multiply_add(const bf16x32& a, const bf16x32& b,
                                       const f32x16& sum) noexcept {
    return dot(a, b, sum);
  }
  LW_INLINE static bf16x32 where_not_zero(const bf16x32& weights, const bf16x32& values) noexcept {
    return LW_ISA_NAME::where_not_zero(weights, values);
  }
  LW_INLINE static void store_weights(float* p, const f32x16 (&weights)[2]) noexcept {
    store_bf16_pairs(bf16(p), weights[0], weights[1]);
  }

  /// Gathers as f32, then folds each two rows into one in place: `out` has room for n rows.
  static void gather_queries(const float* const* rows, size_t n, float factor,
                             float* out) noexcept {
    gather_rows(rows, n, factor, out);
    for (size_t i = 0; i < n; i += 2) {
      const f32x16 even = LW_ISA_NAME::load(out + i * kLanes);
      const f32x16 odd = i + 1 < n ? LW_ISA_NAME::load(out + (i + 1) * kLanes) : zero();
      store_bf16_pairs(bf16(out + i / 2 * kLanes), even, odd);
    }
  }

  static void copy_keys(const float* from, size_t stride, size_t rows, size_t n, float* to,
                        size_t to_stride) noexcept {
    for (size_t r = 0; r < rows; ++r, from += stride, to += to_stride) {
      for (size_t i = 0; i < n; i += kLanes) store_bf16(bf16(to) + i, load_part(from, i, n));
    }
  }

  static bool copy_values(const float* from, size_t stride, size_t rows, size_t n, float* to,
                          size_t to_stride) noexcept {
    f32x16 check = zero();
    for (size_t r = 0; r < rows; r += 2, from += 2 * stride, to += to_stride) {
      copy_row_pair(from, r + 1 < rows ? from + stride : nullptr, n, to, check);
    }
    const float folded = reduce_add(check);
    return folded == folded;
  }
};

}  // namespace

LW_KERNELS(AttentionBf16Kernels, attention_bf16_kernels) = {attend<Bf16Products>};
#else

LW_KERNELS(AttentionBf16Kernels, attention_bf16_kernels) = {nullptr};
#endif

}  // namespace lanewise::ops::LW_ISA_NAME
