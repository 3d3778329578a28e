#pragma once

/// bf16, the upper half of an f32: converted to f32 everywhere, multiplied directly if
/// LW_HAS_BF16_DOT is 1.

#include "ops/simd_integers.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// The bf16 in the lower or the upper half of each lane, as f32: the same bits followed by zeros.
LW_INLINE f32x16 bf16_of_low_half(const i32x16& a) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = xsimd::bitwise_cast<Part>(IntPart(a.part[i] << 16));
  }
  return r;
}
LW_INLINE f32x16 bf16_of_high_half(const i32x16& a) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = xsimd::bitwise_cast<Part>(IntPart(a.part[i] & IntPart(-65536)));
  }
  return r;
}

#if defined(__AVX512BF16__)
#define LW_HAS_BF16_DOT 1

/// 32 bf16, 2 in each lane of an f32x16.
struct bf16x32 {
  __m512i bits;
};

/// Loads the bits of 32 bf16.
LW_INLINE bf16x32 load_bf16(const uint16_t* p) noexcept { return {_mm512_loadu_si512(p)}; }

/// The pair of bf16 at p in every lane.
LW_INLINE bf16x32 broadcast_bf16_pair(const uint16_t* p) noexcept {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return {_mm512_set1_epi32(pair)};
}

/// c[i] + a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1]. Denormals count as zero, and this rounds to
/// nearest whatever MXCSR says. Assembly for the reason given at dpbusd().
LW_INLINE f32x16 dot(const bf16x32& a, const bf16x32& b, const f32x16& c) noexcept {
  __m512 sum = c.part[0];
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a.bits), "v"(b.bits));
  return {{Part(sum)}};
}

/// Rounds 16 floats to the nearest bf16, ties to even.
LW_INLINE __m256i round_to_bf16(const f32x16& a) noexcept {
  const __m256bh rounded = _mm512_cvtneps_pbh(a.part[0]);
  __m256i bits;
  std::memcpy(&bits, &rounded, sizeof(bits));
  return bits;
}

LW_INLINE void store_bf16(uint16_t* p, const f32x16& a) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), round_to_bf16(a));
}

/// Stores a[0], b[0], a[1], b[1], ..., rounded: the pairs that dot() multiplies. Uses two
/// conversions instead of vcvtne2ps2bf16, which Bochs 3.0 gets wrong.
LW_INLINE void store_bf16_pairs(uint16_t* p, const f32x16& a, const f32x16& b) noexcept {
  alignas(64) static constexpr uint16_t kOrder[] = {0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
                                                    37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
                                                    11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i pairs =
      _mm512_permutex2var_epi16(_mm512_castsi256_si512(round_to_bf16(a)), _mm512_load_si512(kOrder),
                                _mm512_castsi256_si512(round_to_bf16(b)));
  _mm512_storeu_si512(p, pairs);
}

/// a, with 0 where `weights` is 0.
LW_INLINE bf16x32 where_not_zero(const bf16x32& weights, const bf16x32& a) noexcept {
  return {_mm512_maskz_mov_epi16(_mm512_test_epi16_mask(weights.bits, weights.bits), a.bits)};
}
#else
#define LW_HAS_BF16_DOT 0
#endif

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
