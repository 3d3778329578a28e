#pragma once

/// Packed numbers: f16 and bf16 as f32, codes of a few bits, and what blocks of rounded inputs need.

#include "ops/simd_integers.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// 16 f16 as f32, exactly, subnormals, infinities and NaN included.
LW_INLINE f32x16 load_f16(const uint16_t* p) noexcept {
#if defined(__AVX512F__)
  return {{Part(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))))}};
#elif defined(__AVX2__)
  const auto* halves = reinterpret_cast<const __m128i*>(p);
  return {{Part(_mm256_cvtph_ps(_mm_loadu_si128(halves))),
           Part(_mm256_cvtph_ps(_mm_loadu_si128(halves + 1)))}};
#else
  const __m128i exponent = _mm_set1_epi32(0x0f800000);  // of f16, where f32 has its own
  const __m128i rebias = _mm_set1_epi32((127 - 15) << 23);
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i * kPartLanes));
    const __m128i high = _mm_unpacklo_epi16(_mm_setzero_si128(), four);
    const __m128i sign = _mm_and_si128(high, _mm_set1_epi32(INT32_MIN));
    const __m128i rest = _mm_srli_epi32(_mm_andnot_si128(_mm_set1_epi32(INT32_MIN), high), 3);
    const __m128i of_exponent = _mm_and_si128(rest, exponent);
    const __m128i normal = _mm_add_epi32(rest, rebias);
    // Infinity and NaN have the largest exponent of both formats.
    const __m128i is_largest = _mm_cmpeq_epi32(of_exponent, exponent);
    const __m128i finite = _mm_add_epi32(normal, _mm_and_si128(is_largest, rebias));
    // A subnormal is its fraction * 2^-24: with the leading 1 of a normal number, less that 1.
    const __m128i is_tiny = _mm_cmpeq_epi32(of_exponent, _mm_setzero_si128());
    const __m128 one_more = _mm_castsi128_ps(_mm_add_epi32(normal, _mm_set1_epi32(1 << 23)));
    const __m128 tiny = _mm_sub_ps(one_more, _mm_set1_ps(0x1p-14f));
    const __m128i chosen = _mm_or_si128(_mm_and_si128(is_tiny, _mm_castps_si128(tiny)),
                                        _mm_andnot_si128(is_tiny, finite));
    r.part[i] = Part(_mm_castsi128_ps(_mm_or_si128(chosen, sign)));
  }
  return r;
#endif
}

/// 16 bf16 as f32: the same bits followed by zeros.
LW_INLINE f32x16 load_bf16_as_f32(const uint16_t* p) noexcept {
#if defined(__AVX512F__)
  const __m512i bits =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {{Part(_mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)))}};
#elif defined(__AVX2__)
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    const __m256i bits = _mm256_cvtepu16_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * kPartLanes)));
    r.part[i] = Part(_mm256_castsi256_ps(_mm256_slli_epi32(bits, 16)));
  }
  return r;
#else
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i * kPartLanes));
    r.part[i] = Part(_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), four)));
  }
  return r;
#endif
}

/// The bits of each byte that `kMask` has, moved down by kRight, or up if it is negative, before
/// the mask: none may come from another byte.
template <int kRight, uint8_t kMask>
LW_INLINE u8x64 bits_of_bytes(const u8x64& a) noexcept {
  u8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    IntPart moved = a.part[i];
    if constexpr (kRight > 0) moved = moved >> kRight;
    if constexpr (kRight < 0) moved = moved << -kRight;
    r.part[i] = moved & IntPart(static_cast<int32_t>(kMask * 0x01010101u));
  }
  return r;
}

LW_INLINE void store(uint8_t* p, const u8x64& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    a.part[i].store_unaligned(reinterpret_cast<int32_t*>(p) + i * kPartLanes);
  }
}

LW_INLINE u8x64 operator|(const u8x64& a, const u8x64& b) noexcept {
  u8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] | b.part[i];
  return r;
}

/// Keeps additions to a in order: GCC 12 would make a tree of those of several steps and spill all
/// products to the stack.
LW_INLINE void keep_order(i32x16& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) __asm__("" : "+v"(a.part[i].data));
}

/// The same bits.
LW_INLINE i8x64 as_signed(const u8x64& a) noexcept {
  i8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i];
  return r;
}

/// table[a] for each byte a < 16. table: 16 bytes, aligned to 16.
LW_INLINE u8x64 look_up(const uint8_t* table, const u8x64& a) noexcept {
  u8x64 r;
  const __m128i values = _mm_load_si128(reinterpret_cast<const __m128i*>(table));
#if defined(__AVX512BW__)
  r.part[0] = IntPart(_mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), a.part[0]));
#elif defined(__AVX2__)
  const __m256i twice = _mm256_broadcastsi128_si256(values);
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = IntPart(_mm256_shuffle_epi8(twice, a.part[i]));
  }
#else
  // SSE2 has no such instruction: each value is chosen where its index stands.
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    __m128i chosen = _mm_setzero_si128();
    for (int j = 0; j < 16; ++j) {
      const __m128i is_j = _mm_cmpeq_epi8(a.part[i], _mm_set1_epi8(static_cast<char>(j)));
      const __m128i value = _mm_set1_epi8(static_cast<char>(table[j]));
      chosen = _mm_or_si128(chosen, _mm_and_si128(is_j, value));
    }
    r.part[i] = IntPart(chosen);
  }
  static_cast<void>(values);
#endif
  return r;
}

/// 16 bytes as integers.
LW_INLINE i32x16 load_u8_as_i32(const uint8_t* p) noexcept {
  i32x16 r;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
#if defined(__AVX512F__)
  r.part[0] = IntPart(_mm512_cvtepu8_epi32(bytes));
#elif defined(__AVX2__)
  r.part[0] = IntPart(_mm256_cvtepu8_epi32(bytes));
  r.part[1] = IntPart(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)));
#else
  const __m128i none = _mm_setzero_si128();
  const __m128i low = _mm_unpacklo_epi8(bytes, none);
  const __m128i high = _mm_unpackhi_epi8(bytes, none);
  r.part[0] = IntPart(_mm_unpacklo_epi16(low, none));
  r.part[1] = IntPart(_mm_unpackhi_epi16(low, none));
  r.part[2] = IntPart(_mm_unpacklo_epi16(high, none));
  r.part[3] = IntPart(_mm_unpackhi_epi16(high, none));
#endif
  return r;
}

/// 16 bytes as f32.
LW_INLINE f32x16 load_u8_as_f32(const uint8_t* p) noexcept { return to_f32(load_u8_as_i32(p)); }

/// The lower or the upper 4 bits of 16 bytes as f32.
LW_INLINE f32x16 load_low_nibbles_as_f32(const uint8_t* p) noexcept {
  i32x16 r = load_u8_as_i32(p);
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = r.part[i] & IntPart(15);
  return to_f32(r);
}
LW_INLINE f32x16 load_high_nibbles_as_f32(const uint8_t* p) noexcept {
  i32x16 r = load_u8_as_i32(p);
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = r.part[i] >> 4;
  return to_f32(r);
}

/// 16 signed bytes as f32.
LW_INLINE f32x16 load_i8_as_f32(const uint8_t* p) noexcept {
  i32x16 r;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
#if defined(__AVX512F__)
  r.part[0] = IntPart(_mm512_cvtepi8_epi32(bytes));
#elif defined(__AVX2__)
  r.part[0] = IntPart(_mm256_cvtepi8_epi32(bytes));
  r.part[1] = IntPart(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)));
#else
  const __m128i none = _mm_setzero_si128();
  const __m128i low = _mm_unpacklo_epi8(none, bytes);
  const __m128i high = _mm_unpackhi_epi8(none, bytes);
  r.part[0] = IntPart(_mm_srai_epi32(_mm_unpacklo_epi16(none, low), 24));
  r.part[1] = IntPart(_mm_srai_epi32(_mm_unpackhi_epi16(none, low), 24));
  r.part[2] = IntPart(_mm_srai_epi32(_mm_unpacklo_epi16(none, high), 24));
  r.part[3] = IntPart(_mm_srai_epi32(_mm_unpackhi_epi16(none, high), 24));
#endif
  return to_f32(r);
}

/// The bits of the largest magnitude of 32 floats: those of a NaN if there is one.
LW_INLINE float largest_magnitude(const f32x16& a, const f32x16& b) noexcept {
  const IntPart without_sign(INT32_MAX);
  IntPart most(0);
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    most = xsimd::max(most, xsimd::bitwise_cast<IntPart>(a.part[i]) & without_sign);
    most = xsimd::max(most, xsimd::bitwise_cast<IntPart>(b.part[i]) & without_sign);
  }
  return number_of_bits(static_cast<uint32_t>(reduce_max(most)));
}

/// The sum of the 16 signed bytes at p.
LW_INLINE int32_t sum_of_16_bytes(const uint8_t* p) noexcept {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i above = _mm_xor_si128(bytes, _mm_set1_epi8(-128));
  return add_halves(_mm_sad_epu8(above, _mm_setzero_si128())) - 16 * 128;
}

/// The sum of |a| over the negative ones of the 32 signed bytes at p.
LW_INLINE int32_t sum_of_32_negative(const uint8_t* p) noexcept {
  const __m128i none = _mm_setzero_si128();
  const auto magnitudes = [&](const uint8_t* from) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i negative = _mm_cmpgt_epi8(none, bytes);
    return _mm_sad_epu8(_mm_and_si128(_mm_sub_epi8(none, bytes), negative), none);
  };
  return add_halves(_mm_add_epi64(magnitudes(p), magnitudes(p + 16)));
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
