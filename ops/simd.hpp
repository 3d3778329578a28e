#pragma once

/// The vector type that every kernel is written in, for the instruction set that this translation
/// unit is compiled for. The only file that knows xsimd, and the only one with intrinsics.
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

/// Asks for the cache line at p, which need not be valid memory.
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

/// a > b ? a : b, which is b where either is NaN: max(limit, x) lets a NaN of x through. The
/// instruction maxps is defined so; xsimd's max is not, in every release.
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

/// a < b ? a : b, which is b where either is NaN.
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

/// yc[r] = xr[c] * factor[c] + 0: 4 rows of 4 floats become its columns, -0 becomes 0. In 128-bit
/// registers on every instruction set, so 4 is also the most floats read or written at once.
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

/// The upper half of the lanes folded onto the lower half until 4 are left: every instruction set
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
    // !(x <= y) holds for NaN in either place; once largest is NaN it stays.
    if (largest == largest && !(lanes[i] <= largest)) largest = lanes[i];
  }
  return largest;
}

using IntPart = xsimd::batch<int32_t>;  // one register of integers

struct i32x16 {
  IntPart part[kParts];
};

/// 64 bytes, 4 for each lane of an i32x16: of unsigned and of signed numbers.
struct u8x64 {
  IntPart part[kParts];
};
struct i8x64 {
  IntPart part[kParts];
};

LW_INLINE i32x16 broadcast_i32(int32_t value) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = IntPart(value);
  return r;
}

template <typename Bytes>
LW_INLINE Bytes load_bytes(const void* p) noexcept {
  Bytes r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] =
      IntPart::load_unaligned(static_cast<const int32_t*>(p) + i * kPartLanes);
  return r;
}

LW_INLINE u8x64 load(const uint8_t* p) noexcept { return load_bytes<u8x64>(p); }
LW_INLINE i8x64 load(const int8_t* p) noexcept { return load_bytes<i8x64>(p); }

/// c[i] + a[4 i] b[4 i] + ... + a[4 i + 3] b[4 i + 3] in the 4 to 16 lanes of one register.
LW_INLINE IntPart dot_part(const IntPart& a, const IntPart& b, const IntPart& c) noexcept {
#if defined(__AVX512VNNI__)
  return IntPart(_mm512_dpbusd_epi32(c, a, b));
#elif defined(__AVX512BW__)
  const __m512i pairs = _mm512_maddubs_epi16(a, b);
  return IntPart(_mm512_add_epi32(c, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))));
#elif defined(__AVXVNNI__)
  return IntPart(_mm256_dpbusd_avx_epi32(c, a, b));
#elif defined(__AVX2__)
  const __m256i pairs = _mm256_maddubs_epi16(a, b);
  return IntPart(_mm256_add_epi32(c, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
#else
  // SSE2 multiplies 16 bits at the least: the bytes at even and at odd places, one after the other.
  const __m128i even = _mm_madd_epi16(_mm_and_si128(a, _mm_set1_epi16(255)),
                                      _mm_srai_epi16(_mm_slli_epi16(b, 8), 8));
  const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(a, 8), _mm_srai_epi16(b, 8));
  return IntPart(_mm_add_epi32(_mm_add_epi32(c, even), odd));
#endif
}

/// c[i] + a[4 i] b[4 i] + ... + a[4 i + 3] b[4 i + 3], modulo 2^32.
///
/// a must be at most 127: AVX2 and AVX-512 without VNNI add pairs of products in 16 bits, which
/// saturate at 32767. So all instruction sets give the same numbers.
LW_INLINE i32x16 dot(const u8x64& a, const i8x64& b, const i32x16& c) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = dot_part(a.part[i], b.part[i], c.part[i]);
  }
  return r;
}

LW_INLINE i32x16 load(const int32_t* p) noexcept { return load_bytes<i32x16>(p); }

LW_INLINE void store(int32_t* p, const i32x16& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) a.part[i].store_unaligned(p + i * kPartLanes);
}

LW_INLINE i32x16 operator+(const i32x16& a, const i32x16& b) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] + b.part[i];
  return r;
}

LW_INLINE i32x16 operator-(const i32x16& a, const i32x16& b) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] - b.part[i];
  return r;
}

LW_INLINE f32x16 to_f32(const i32x16& a) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = xsimd::to_float(a.part[i]);
  return r;
}

/// The bits of |a| as integers, which are in the order of the numbers; NaN is above infinity.
LW_INLINE i32x16 magnitude_bits(const f32x16& a) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = xsimd::bitwise_cast<IntPart>(a.part[i]) & IntPart(0x7fffffff);
  }
  return r;
}

LW_INLINE i32x16 max(const i32x16& a, const i32x16& b) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = xsimd::max(a.part[i], b.part[i]);
  return r;
}

/// The largest of the 16 lanes.
LW_INLINE int32_t reduce_max(const i32x16& a) noexcept {
  int32_t lanes[kLanes];
  store(lanes, a);
  int32_t largest = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
}

/// Rounds to the nearest integer, ties to even, limits to [-128, 127] and stores the 16 bytes, with
/// their highest bit flipped if `flip` is 0x80: the numbers plus 128. What is beyond 32 bits, and
/// NaN, counts as -2^31.
LW_INLINE void store_rounded(uint8_t* p, const f32x16& a, uint8_t flip) noexcept {
#if defined(__AVX512F__)
  const __m128i bytes = _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(a.part[0]));
#elif defined(__AVX2__)
  const __m256i words =
      _mm256_packs_epi32(_mm256_cvtps_epi32(a.part[0]), _mm256_cvtps_epi32(a.part[1]));
  // The pack works in halves of a register: 0-3, 8-11, 4-7, 12-15.
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
#else
  const __m128i low = _mm_packs_epi32(_mm_cvtps_epi32(a.part[0]), _mm_cvtps_epi32(a.part[1]));
  const __m128i high = _mm_packs_epi32(_mm_cvtps_epi32(a.part[2]), _mm_cvtps_epi32(a.part[3]));
  const __m128i bytes = _mm_packs_epi16(low, high);
#endif
  const __m128i flipped = _mm_xor_si128(bytes, _mm_set1_epi8(static_cast<char>(flip)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), flipped);
}

// Products of signed bytes, a in [-127, 127] broadcast and w in [-127, 127], exactly and the same
// on every instruction set. Each has its own way:
//
//   VNNI      multiplies unsigned by signed bytes: a is kept as a + 128, and 128 * sum(w) taken off
//   AVX2      likewise, but adds pairs of products in 16 bits, for which 255 is too much: |a| times
//             w with the sign of a
//   AVX-512   the same, where the sign is a mask
//   SSE2      has products of 16 bits only
//
// kByteOffset is what is added to a, kByteFlip how store_rounded() does it.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
constexpr int32_t kByteOffset = 128;
constexpr uint8_t kByteFlip = 0x80;
#else
constexpr int32_t kByteOffset = 0;
constexpr uint8_t kByteFlip = 0;
#endif

/// Four neighbouring bytes of a in every lane, and what is made of them once for all w.
struct ByteQuad {
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  IntPart bytes;
#elif defined(__AVX512BW__)
  IntPart magnitude;
  __mmask64 negative;
#elif defined(__AVX2__)
  IntPart bytes;
  IntPart magnitude;
#else
  IntPart even;  // as 16 bits
  IntPart odd;
#endif
};

/// p: 4 bytes as store_rounded() wrote them with kByteFlip.
LW_INLINE ByteQuad broadcast_quad(const uint8_t* p) noexcept {
  int32_t four;
  std::memcpy(&four, p, sizeof(four));
  const IntPart bytes(four);
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  return {bytes};
#elif defined(__AVX512BW__)
  return {IntPart(_mm512_abs_epi8(bytes)), _mm512_movepi8_mask(bytes)};
#elif defined(__AVX2__)
  return {bytes, IntPart(_mm256_abs_epi8(bytes))};
#else
  return {IntPart(_mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8)), IntPart(_mm_srai_epi16(bytes, 8))};
#endif
}

/// c[i] + a[0] w[4 i] + ... + a[3] w[4 i + 3], plus kByteOffset times the sum of those w.
LW_INLINE IntPart dot_part(const ByteQuad& a, const IntPart& w, const IntPart& c) noexcept {
#if defined(__AVX512VNNI__)
  // Written as assembly because GCC 12 copies the accumulators of an array of them to the stack and
  // back around the intrinsic, at half the speed.
  __m512i sum = c;
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a.bytes.data), "v"(w.data));
  return IntPart(sum);
#elif defined(__AVX512BW__)
  const __m512i signed_w = _mm512_mask_sub_epi8(w, a.negative, _mm512_setzero_si512(), w);
  const __m512i pairs = _mm512_maddubs_epi16(a.magnitude, signed_w);
  return IntPart(_mm512_add_epi32(c, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))));
#elif defined(__AVXVNNI__)
  __m256i sum = c;
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a.bytes.data), "x"(w.data));
  return IntPart(sum);
#elif defined(__AVX2__)
  const __m256i pairs = _mm256_maddubs_epi16(a.magnitude, _mm256_sign_epi8(w, a.bytes));
  return IntPart(_mm256_add_epi32(c, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
#else
  const __m128i even = _mm_madd_epi16(a.even, _mm_srai_epi16(_mm_slli_epi16(w, 8), 8));
  const __m128i odd = _mm_madd_epi16(a.odd, _mm_srai_epi16(w, 8));
  return IntPart(_mm_add_epi32(_mm_add_epi32(c, even), odd));
#endif
}

LW_INLINE i32x16 dot(const ByteQuad& a, const i8x64& w, const i32x16& c) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = dot_part(a, w.part[i], c.part[i]);
  return r;
}

// Products of weights in [0, 15] and signed bytes in [-127, 127]. Where these are added in 16 bits,
// 8 of 2 * 15 * 127 fit: sums are kept so for kSmallDots steps and then widened.
constexpr size_t kSmallDots = 8;

/// 16 sums of such products, or on AVX2 and AVX-512 without VNNI 32 halves of them in 16 bits.
struct SmallSums {
  IntPart part[kParts];
};

/// The 4 bytes at p in every lane.
LW_INLINE IntPart broadcast_bytes(const uint8_t* p) noexcept {
  int32_t four;
  std::memcpy(&four, p, sizeof(four));
  return IntPart(four);
}

/// c + w[4 i] a[0] + ... + w[4 i + 3] a[3], for a of broadcast_bytes().
LW_INLINE IntPart small_dot_part(const IntPart& w, const IntPart& a, const IntPart& c) noexcept {
#if defined(__AVX512VNNI__)
  __m512i sum = c;
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w.data), "v"(a.data));
  return IntPart(sum);
#elif defined(__AVX512BW__)
  return IntPart(_mm512_add_epi16(c, _mm512_maddubs_epi16(w, a)));
#elif defined(__AVXVNNI__)
  __m256i sum = c;
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w.data), "x"(a.data));
  return IntPart(sum);
#elif defined(__AVX2__)
  return IntPart(_mm256_add_epi16(c, _mm256_maddubs_epi16(w, a)));
#else
  const __m128i even = _mm_madd_epi16(_mm_and_si128(w, _mm_set1_epi16(255)),
                                      _mm_srai_epi16(_mm_slli_epi16(a, 8), 8));
  const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(w, 8), _mm_srai_epi16(a, 8));
  return IntPart(_mm_add_epi32(_mm_add_epi32(c, even), odd));
#endif
}

LW_INLINE SmallSums small_dot(const u8x64& w, const IntPart& a, const SmallSums& c) noexcept {
  SmallSums r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = small_dot_part(w.part[i], a, c.part[i]);
  return r;
}

LW_INLINE SmallSums no_small_sums() noexcept {
  SmallSums r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = IntPart(0);
  return r;
}

/// The sums in 32 bits, after at most kSmallDots steps.
LW_INLINE i32x16 widen(const SmallSums& a) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__) || !defined(__AVX2__)
    r.part[i] = a.part[i];
#elif defined(__AVX512BW__)
    r.part[i] = IntPart(_mm512_madd_epi16(a.part[i], _mm512_set1_epi16(1)));
#else
    r.part[i] = IntPart(_mm256_madd_epi16(a.part[i], _mm256_set1_epi16(1)));
#endif
  }
  return r;
}

/// The lower and the upper 4 bits of each byte.
LW_INLINE u8x64 low_nibbles(const u8x64& a) noexcept {
  u8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] & IntPart(0x0f0f0f0f);
  return r;
}
LW_INLINE u8x64 high_nibbles(const u8x64& a) noexcept {
  u8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = (a.part[i] >> 4) & IntPart(0x0f0f0f0f);
  }
  return r;
}

/// The number of bf16 in the lower or the upper half of each lane, as f32: the same bits and zeros.
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

/// The sum of the 16 lanes, modulo 2^32.
LW_INLINE int32_t reduce_add(const i32x16& a) noexcept {
  int32_t lanes[kLanes];
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) a.part[i].store_unaligned(lanes + i * kPartLanes);
  uint32_t sum = 0;
  for (const int32_t lane : lanes) sum += static_cast<uint32_t>(lane);
  return static_cast<int32_t>(sum);
}

/// Makes the compiler forget what a holds, without an instruction: it cannot move what is computed
/// from a out of a loop, nor do it once where it is written twice.
LW_INLINE void forget(u8x64& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) __asm__("" : "+v"(a.part[i].data));
}

#if defined(__AVX512BF16__)
#define LW_HAS_BF16_DOT 1

/// 32 numbers of bf16, 2 for each lane of an f32x16.
struct bf16x32 {
  __m512i bits;
};

/// The 32 numbers at p, as their bits.
LW_INLINE bf16x32 load_bf16(const uint16_t* p) noexcept { return {_mm512_loadu_si512(p)}; }

/// The pair of bf16 at p in every lane.
LW_INLINE bf16x32 broadcast_bf16_pair(const uint16_t* p) noexcept {
  int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return {_mm512_set1_epi32(pair)};
}

/// c[i] + a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1]. Denormal numbers count as zero, and whatever
/// rounding MXCSR asks for, this rounds to nearest. Assembly for the reason given at dot_part().
LW_INLINE f32x16 dot(const bf16x32& a, const bf16x32& b, const f32x16& c) noexcept {
  __m512 sum = c.part[0];
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a.bits), "v"(b.bits));
  return {{Part(sum)}};
}

/// Rounds 16 numbers to the nearest of bf16, ties to even, and stores them.
LW_INLINE void store_bf16(uint16_t* p, const f32x16& a) noexcept {
  const __m256bh rounded = _mm512_cvtneps_pbh(a.part[0]);
  __m256i bits;
  std::memcpy(&bits, &rounded, sizeof(bits));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bits);
}
#else
#define LW_HAS_BF16_DOT 0
#endif

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME

/// Begins the definition of a kernel table with external linkage (a constant has none by default).
#define LW_KERNELS(Table, name) \
  extern const Table name;      \
  const Table name
