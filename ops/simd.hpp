#pragma once

/// The vector type that every kernel is written in, for the instruction set that this translation
/// unit is compiled for. This file and its neighbours simd_integers.hpp and simd_bf16.hpp are the
/// only ones that know xsimd and intrinsics.
///
/// f32x16 is a logical vector of 16 floats: one zmm, two ymm or four xmm. All instruction sets
/// compute the same 16 lanes in the same order, so one kernel text gives the same bits on AVX2 and
/// on AVX-512. (`baseline` has no FMA: it rounds the product too.)
///
/// Included by <op>_kernels.cpp only, which are compiled once per instruction set. Everything here
/// is in an unnamed namespace: an inline function with external linkage, compiled with -mavx512f,
/// could be the copy that the linker keeps for everybody.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <xsimd/xsimd.hpp>

#ifndef LW_ISA_NAME
#error "kernel sources are compiled by ops/CMakeLists.txt, which names the instruction set"
#endif

#define LW_INLINE inline __attribute__((always_inline))
/// Full unrolling keeps arrays of accumulators in registers; GCC 12 spills them otherwise.
#define LW_UNROLL _Pragma("GCC unroll 32")

namespace lanewise::ops::LW_ISA_NAME {
namespace {

constexpr size_t kLanes = 16;
constexpr float kInfinity = __builtin_inff();
constexpr float kLog2E = 1.44269504088896340736f;

using Part = xsimd::batch<float>;           // one register
using PartMask = xsimd::batch_bool<float>;  // its comparison result
constexpr size_t kPartLanes = Part::size;
constexpr size_t kParts = kLanes / kPartLanes;

struct f32x16 {
  Part part[kParts];
};

struct mask16 {
  PartMask part[kParts];
};

LW_INLINE f32x16 broadcast(float value) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = Part(value);
  return r;
}

LW_INLINE f32x16 zero() noexcept { return broadcast(0.0f); }

LW_INLINE f32x16 load(const float* p) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] =
      Part::load_unaligned(p + i * kPartLanes);
  return r;
}

LW_INLINE void store(float* p, const f32x16& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) a.part[i].store_unaligned(p + i * kPartLanes);
}

/// Prefetches the cache line at p, which need not be valid memory.
LW_INLINE void prefetch(const float* p) noexcept { __builtin_prefetch(p); }

/// The same for a line that will be written.
LW_INLINE void prefetch_for_write(const float* p) noexcept { __builtin_prefetch(p, 1); }

#if defined(__AVX512F__)
/// Loads the first n <= 16 floats and sets the rest to zero; touches no byte behind them.
LW_INLINE f32x16 load_first(const float* p, size_t n) noexcept {
  const auto mask = static_cast<__mmask16>((1u << n) - 1u);
  return {{Part(_mm512_maskz_loadu_ps(mask, p))}};
}

/// Stores the first n <= 16 lanes.
LW_INLINE void store_first(float* p, const f32x16& a, size_t n) noexcept {
  const auto mask = static_cast<__mmask16>((1u << n) - 1u);
  _mm512_mask_storeu_ps(p, mask, a.part[0]);
}
#elif defined(__AVX2__)
/// Lane i of part `part` is all ones where 8 * part + i < n.
LW_INLINE __m256i first_lanes_of_part(size_t n, size_t part) noexcept {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int left = static_cast<int>(n) - static_cast<int>(part * kPartLanes);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane);
}

LW_INLINE f32x16 load_first(const float* p, size_t n) noexcept {
  return {{Part(_mm256_maskload_ps(p, first_lanes_of_part(n, 0))),
           Part(_mm256_maskload_ps(p + kPartLanes, first_lanes_of_part(n, 1)))}};
}

LW_INLINE void store_first(float* p, const f32x16& a, size_t n) noexcept {
  _mm256_maskstore_ps(p, first_lanes_of_part(n, 0), a.part[0]);
  _mm256_maskstore_ps(p + kPartLanes, first_lanes_of_part(n, 1), a.part[1]);
}
#else
LW_INLINE f32x16 load_first(const float* p, size_t n) noexcept {
  float lanes[kLanes] = {};
  std::memcpy(lanes, p, n * sizeof(float));
  return load(lanes);
}

LW_INLINE void store_first(float* p, const f32x16& a, size_t n) noexcept {
  float lanes[kLanes];
  store(lanes, a);
  std::memcpy(p, lanes, n * sizeof(float));
}
#endif

#define LW_LANEWISE_BINARY(name, expression)                         \
  LW_INLINE f32x16 name(const f32x16& a, const f32x16& b) noexcept { \
    f32x16 r;                                                        \
    LW_UNROLL for (size_t i = 0; i < kParts; ++i) {                  \
      const Part x = a.part[i], y = b.part[i];                       \
      r.part[i] = expression;                                        \
    }                                                                \
    return r;                                                        \
  }

LW_LANEWISE_BINARY(operator+, x + y)
LW_LANEWISE_BINARY(operator-, x - y)
LW_LANEWISE_BINARY(operator*, x* y)
LW_LANEWISE_BINARY(operator/, x / y)
#undef LW_LANEWISE_BINARY

/// a * b + c, rounded once where the instruction set has FMA.
LW_INLINE f32x16 fma(const f32x16& a, const f32x16& b, const f32x16& c) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
#if defined(__AVX512F__)
    // xsimd 8.1 has no FMA for AVX-512: its xsimd::fma multiplies, rounds and adds.
    r.part[i] = Part(_mm512_fmadd_ps(a.part[i], b.part[i], c.part[i]));
#else
    r.part[i] = xsimd::fma(a.part[i], b.part[i], c.part[i]);
#endif
  }
  return r;
}

/// a > b ? a : b, which is b if either is NaN: max(limit, x) lets a NaN in x through. The
/// instruction maxps is defined this way; xsimd's max is not in every release.
LW_INLINE f32x16 max(const f32x16& a, const f32x16& b) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
#if defined(__AVX512F__)
    r.part[i] = Part(_mm512_max_ps(a.part[i], b.part[i]));
#elif defined(__AVX2__)
    r.part[i] = Part(_mm256_max_ps(a.part[i], b.part[i]));
#else
    r.part[i] = Part(_mm_max_ps(a.part[i], b.part[i]));
#endif
  }
  return r;
}

/// a < b ? a : b, which is b if either is NaN.
LW_INLINE f32x16 min(const f32x16& a, const f32x16& b) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
#if defined(__AVX512F__)
    r.part[i] = Part(_mm512_min_ps(a.part[i], b.part[i]));
#elif defined(__AVX2__)
    r.part[i] = Part(_mm256_min_ps(a.part[i], b.part[i]));
#else
    r.part[i] = Part(_mm_min_ps(a.part[i], b.part[i]));
#endif
  }
  return r;
}

LW_INLINE f32x16 sqrt(const f32x16& a) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = xsimd::sqrt(a.part[i]);
  return r;
}

LW_INLINE mask16 less(const f32x16& a, const f32x16& b) noexcept {
  mask16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] < b.part[i];
  return r;
}

LW_INLINE mask16 equal(const f32x16& a, const f32x16& b) noexcept {
  mask16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] == b.part[i];
  return r;
}

/// Bit i says whether the mask holds in lane i.
LW_INLINE uint32_t bits(const mask16& mask) noexcept {
#if defined(__AVX512F__)
  return static_cast<uint32_t>(static_cast<__mmask16>(mask.part[0]));
#elif defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(mask.part[0])) |
         static_cast<uint32_t>(_mm256_movemask_ps(mask.part[1])) << 8;
#else
  uint32_t r = 0;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r |= static_cast<uint32_t>(_mm_movemask_ps(mask.part[i])) << (i * kPartLanes);
  }
  return r;
#endif
}

/// mask ? a : b
LW_INLINE f32x16 select(const mask16& mask, const f32x16& a, const f32x16& b) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = xsimd::select(mask.part[i], a.part[i], b.part[i]);
  }
  return r;
}

/// 0, 1, ..., 15
LW_INLINE f32x16 lane_index() noexcept {
  alignas(64) static constexpr float kIndex[kLanes] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                       8, 9, 10, 11, 12, 13, 14, 15};
  return load(kIndex);
}

/// Added to an integer n, it leaves the biased exponent n + 127 in the low bits of the sum:
/// 1.5 * 2^23 leaves no room for a fraction, which is how the sum rounds n as well.
constexpr float kExponentMagic = 12582912.0f + 127.0f;

/// 2^n from n + kExponentMagic for integers n in [-127, 127], where 2^-127 counts as zero: the low
/// bits move into the exponent by an integer shift.
LW_INLINE f32x16 exponent_from_low_bits(const f32x16& sum) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] =
        xsimd::bitwise_cast<Part>(xsimd::bitwise_cast<xsimd::batch<int32_t>>(sum.part[i]) << 23);
  }
  return r;
}

/// 2^n for integers n, held as floats in [-126, 127].
LW_INLINE f32x16 pow2(const f32x16& n) noexcept {
  return exponent_from_low_bits(n + broadcast(kExponentMagic));
}

/// The nearest integer, ties to even, for |a| < 2^22: the sum has no room for a fraction.
LW_INLINE f32x16 round_to_integer(const f32x16& a) noexcept {
  const f32x16 magic = broadcast(12582912.0f);  // 1.5 * 2^23
  return (a + magic) - magic;
}

/// yc[r] = xr[c] * factor[c] + 0: transposes 4 rows of 4 floats; -0 becomes 0. Uses 128-bit
/// registers on every instruction set, so at most 4 floats are read or written at once.
LW_INLINE void transpose_4x4(const float* x0, const float* x1, const float* x2, const float* x3,
                             const float* factor, float* y0, float* y1, float* y2,
                             float* y3) noexcept {
  const __m128 f = _mm_loadu_ps(factor);
  const auto scaled = [&](const float* x) noexcept {
    return _mm_add_ps(_mm_mul_ps(_mm_loadu_ps(x), f), _mm_setzero_ps());
  };
  const __m128 a = scaled(x0), b = scaled(x1), c = scaled(x2), d = scaled(x3);
  const __m128 ab01 = _mm_unpacklo_ps(a, b), ab23 = _mm_unpackhi_ps(a, b);
  const __m128 cd01 = _mm_unpacklo_ps(c, d), cd23 = _mm_unpackhi_ps(c, d);
  _mm_storeu_ps(y0, _mm_movelh_ps(ab01, cd01));
  _mm_storeu_ps(y1, _mm_movehl_ps(cd01, ab01));
  _mm_storeu_ps(y2, _mm_movelh_ps(ab23, cd23));
  _mm_storeu_ps(y3, _mm_movehl_ps(cd23, ab23));
}

/// Folds the upper half of the lanes onto the lower half until 4 are left: every instruction set
/// adds the same pairs in the same order.
LW_INLINE __m128 fold_to_four(const f32x16& a) noexcept {
#if defined(__AVX512F__)
  const __m512 v = a.part[0];
  const __m256 high = _mm512_extractf32x8_ps(v, 1);
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), high);
  return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
#elif defined(__AVX2__)
  const __m256 eight = _mm256_add_ps(a.part[0], a.part[1]);
  return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
#else
  return _mm_add_ps(_mm_add_ps(a.part[0], a.part[2]), _mm_add_ps(a.part[1], a.part[3]));
#endif
}

/// The sum of the 16 lanes.
LW_INLINE float reduce_add(const f32x16& a) noexcept {
  const __m128 four = fold_to_four(a);
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/// The largest of the 16 lanes; NaN if one of them is NaN.
LW_INLINE float reduce_max(const f32x16& a) noexcept {
  alignas(64) float lanes[kLanes];
  store(lanes, a);
  float largest = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) {
    // !(x <= y) holds if either is NaN; once largest is NaN it stays.
    if (largest == largest && !(lanes[i] <= largest)) largest = lanes[i];
  }
  return largest;
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME

/// Begins the definition of a kernel table with external linkage (constants have internal linkage
/// by default).
#define LW_KERNELS(Table, name) \
  extern const Table name;      \
  const Table name
