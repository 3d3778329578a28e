#pragma once

/// Integer vectors to complement the f32 of simd.hpp: 16 of 32 bits, 64 bytes, and the byte
/// products that quantised weights need, with the same results on every instruction set.

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

using IntPart = xsimd::batch<int32_t>;  // one register of integers

struct i32x16 {
  IntPart part[kParts];
};

/// 64 bytes, 4 in each lane of an i32x16, unsigned or signed.
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

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define LW_HAS_VNNI 1
/// c[i] + u[4 i] s[4 i] + ... + u[4 i + 3] s[4 i + 3], u unsigned, s signed, modulo 2^32.
///
/// Assembly, because with the intrinsic GCC 12 copies arrays of accumulators to the stack and back,
/// at half the speed.
LW_INLINE IntPart dpbusd(const IntPart& u, const IntPart& s, const IntPart& c) noexcept {
#if defined(__AVX512VNNI__)
  __m512i sum = c;
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u.data), "v"(s.data));
#else
  __m256i sum = c;
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(u.data), "x"(s.data));
#endif
  return IntPart(sum);
}
#else
#define LW_HAS_VNNI 0
#endif

#if !defined(__AVX2__)
/// The bytes at even positions, as 16-bit integers.
LW_INLINE __m128i even_signed(const IntPart& a) noexcept {
  return _mm_srai_epi16(_mm_slli_epi16(a, 8), 8);
}

/// As dpbusd() in 128 bits: SSE2 multiplies at least 16 bits, so the bytes at even and odd
/// positions are multiplied separately.
LW_INLINE IntPart dot_sse2(const IntPart& u, const IntPart& s, const IntPart& c) noexcept {
  const __m128i even = _mm_madd_epi16(_mm_and_si128(u, _mm_set1_epi16(255)), even_signed(s));
  const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(u, 8), _mm_srai_epi16(s, 8));
  return IntPart(_mm_add_epi32(_mm_add_epi32(c, even), odd));
}
#endif

/// c[i] + a[4 i] b[4 i] + ... + a[4 i + 3] b[4 i + 3] in the 4 to 16 lanes of one register.
LW_INLINE IntPart dot_part(const IntPart& a, const IntPart& b, const IntPart& c) noexcept {
#if LW_HAS_VNNI
  return dpbusd(a, b, c);
#elif defined(__AVX512BW__)
  const __m512i pairs = _mm512_maddubs_epi16(a, b);
  return IntPart(_mm512_add_epi32(c, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))));
#elif defined(__AVX2__)
  const __m256i pairs = _mm256_maddubs_epi16(a, b);
  return IntPart(_mm256_add_epi32(c, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
#else
  return dot_sse2(a, b, c);
#endif
}

/// c[i] + a[4 i] b[4 i] + ... + a[4 i + 3] b[4 i + 3], modulo 2^32.
///
/// a must be at most 127: AVX2 and AVX-512 without VNNI add pairs of products in 16 bits, which
/// saturate at 32767. With this limit all instruction sets give the same results.
LW_INLINE i32x16 dot(const u8x64& a, const i8x64& b, const i32x16& c) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = dot_part(a.part[i], b.part[i], c.part[i]);
  }
  return r;
}

LW_INLINE i32x16 load(const int32_t* p) noexcept { return load_bytes<i32x16>(p); }

/// Loads the first n <= 16 integers and sets the rest to zero; touches no byte behind them.
LW_INLINE i32x16 load_first(const int32_t* p, size_t n) noexcept {
  const f32x16 bits = load_first(reinterpret_cast<const float*>(p), n);
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.part[i] = xsimd::bitwise_cast<IntPart>(bits.part[i]);
  }
  return r;
}

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

/// a * 2^kBits, modulo 2^32.
template <int kBits>
LW_INLINE i32x16 shift_left(const i32x16& a) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = a.part[i] << kBits;
  return r;
}

LW_INLINE f32x16 to_f32(const i32x16& a) noexcept {
  f32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = xsimd::to_float(a.part[i]);
  return r;
}

using UnsignedPart = xsimd::batch<uint32_t>;

/// The range of the floats in each lane, and 0. Kept as bits, because integer comparisons keep a
/// NaN that float maxima drop. The bits of positive floats are ordered like the floats, with NaN
/// above infinity, and bits of negative ones are negative as signed integers. As unsigned integers,
/// the bits of negative floats are above all others, and the lowest float has the highest bits.
struct BitRange {
  IntPart high[kParts];
  UnsignedPart low[kParts];
};

LW_INLINE BitRange empty_range() noexcept {
  BitRange r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    r.high[i] = IntPart(0);
    r.low[i] = UnsignedPart(0x80000000u);  // -0
  }
  return r;
}

LW_INLINE void widen(BitRange& range, const f32x16& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    range.high[i] = xsimd::max(range.high[i], xsimd::bitwise_cast<IntPart>(a.part[i]));
    range.low[i] = xsimd::max(range.low[i], xsimd::bitwise_cast<UnsignedPart>(a.part[i]));
  }
}

LW_INLINE void widen(BitRange& range, const BitRange& other) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    range.high[i] = xsimd::max(range.high[i], other.high[i]);
    range.low[i] = xsimd::max(range.low[i], other.low[i]);
  }
}

/// The largest lane of one register.
LW_INLINE int32_t reduce_max(const IntPart& a) noexcept {
#if defined(__AVX512F__)
  return _mm512_reduce_max_epi32(a);
#elif defined(__AVX2__)
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
#else
  int32_t lanes[kPartLanes];
  a.store_unaligned(lanes);
  int32_t largest = lanes[0];
  for (size_t i = 1; i < kPartLanes; ++i) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
#endif
}

LW_INLINE float number_of_bits(uint32_t bits) noexcept {
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

/// The largest float of the range, at least 0; NaN if a positive NaN was among them.
LW_INLINE float highest(const BitRange& range) noexcept {
  IntPart most = range.high[0];
  LW_UNROLL for (size_t i = 1; i < kParts; ++i) most = xsimd::max(most, range.high[i]);
  return number_of_bits(static_cast<uint32_t>(reduce_max(most)));
}

/// The smallest float, at most -0; NaN if a negative NaN was among them.
LW_INLINE float lowest(const BitRange& range) noexcept {
  constexpr uint32_t kSign = 0x80000000u;
  UnsignedPart most = range.low[0];
  LW_UNROLL for (size_t i = 1; i < kParts; ++i) most = xsimd::max(most, range.low[i]);
  // All have the sign bit; without it they are positive integers.
  const IntPart magnitude = xsimd::bitwise_cast<IntPart>(most ^ UnsignedPart(kSign));
  return number_of_bits(static_cast<uint32_t>(reduce_max(magnitude)) | kSign);
}

/// The nearest integers, ties to even, clamped to [-128, 127]. NaN and values beyond 32 bits count
/// as -2^31.
LW_INLINE i8x64 round_to_bytes(const f32x16 (&a)[4]) noexcept {
#if defined(__AVX512F__)
  const auto words = [&](size_t i) noexcept {
    return _mm512_packs_epi32(_mm512_cvtps_epi32(a[i].part[0]),
                              _mm512_cvtps_epi32(a[i + 1].part[0]));
  };
  // The pack instructions work within quarters of a register: each quarter has four numbers of each
  // of the four vectors.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_packs_epi16(words(0), words(2));
  return {{IntPart(_mm512_permutexvar_epi32(order, bytes))}};
#elif defined(__AVX2__)
  const auto words = [&](size_t i) noexcept {
    return _mm256_packs_epi32(_mm256_cvtps_epi32(a[i].part[0]), _mm256_cvtps_epi32(a[i].part[1]));
  };
  // The pack instructions work within halves of a register: each half has four numbers of each of
  // the four parts.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  i8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    const __m256i bytes = _mm256_packs_epi16(words(2 * i), words(2 * i + 1));
    r.part[i] = IntPart(_mm256_permutevar8x32_epi32(bytes, order));
  }
  return r;
#else
  i8x64 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    const auto words = [&](size_t part) noexcept {
      return _mm_packs_epi32(_mm_cvtps_epi32(a[i].part[part]),
                             _mm_cvtps_epi32(a[i].part[part + 1]));
    };
    r.part[i] = IntPart(_mm_packs_epi16(words(0), words(2)));
  }
  return r;
#endif
}

LW_INLINE void store(uint8_t* p, const i8x64& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    a.part[i].store_unaligned(reinterpret_cast<int32_t*>(p) + i * kPartLanes);
  }
}

// Products of signed bytes, a broadcast and w, both in [-128, 127], exact and the same on every
// instruction set. Bytes of a are multiplied in groups of four, in the form (kQuadBytes long) that
// the instruction set needs:
//
//   VNNI           multiplies unsigned by signed bytes: a + 128, and 128 * sum(w) is subtracted
//   AVX2, AVX-512  the same, but add pairs of products in 16 bits, which 255 would overflow: |a|,
//                  at most 128, and a mask m of the negative a. |a| * (w ^ m) is a * w, or
//                  a * w - |a| if a is negative, because w ^ -1 = -w - 1: the sum of these |a|,
//                  which is independent of w, is added. Changing the sign of w (vpsignb) would
//                  avoid that, but it runs on only two ports, the ones that the products need:
//                  69 against 83 products per nanosecond (Zen 3).
//   SSE2           has only 16-bit products: a unchanged
//
// So the initial value of a sum of products depends on the column of w (kColumnsBegin), or on the
// row of a (NegativeSum), or is 0.
#if LW_HAS_VNNI
constexpr size_t kQuadBytes = 4;
constexpr bool kColumnsBegin = true;
#elif defined(__AVX2__)
constexpr size_t kQuadBytes = 8;
constexpr bool kColumnsBegin = false;
#else
constexpr size_t kQuadBytes = 4;
constexpr bool kColumnsBegin = false;
#endif

/// The sum of both halves, each below 2^31.
LW_INLINE int32_t add_halves(__m128i a) noexcept {
  return _mm_cvtsi128_si32(a) + _mm_cvtsi128_si32(_mm_unpackhi_epi64(a, a));
}

/// The sum of |a| over the negative a stored, if products need it; otherwise 0.
struct NegativeSum {
  __m128i halves = _mm_setzero_si128();
  int32_t total() const noexcept { return add_halves(halves); }
};

#if defined(__AVX2__) && !LW_HAS_VNNI
/// Stores the groups of four bytes of one register as |a| and a mask of the negative ones,
/// alternating.
LW_INLINE void store_magnitudes(uint8_t* p, const IntPart& a, NegativeSum& sum) noexcept {
#if defined(__AVX512BW__)
  const __m512i magnitude = _mm512_abs_epi8(a);
  const __m512i negative = _mm512_movm_epi8(_mm512_movepi8_mask(a));
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  _mm512_storeu_si512(p, _mm512_permutex2var_epi32(magnitude, low, negative));
  _mm512_storeu_si512(p + 64, _mm512_permutex2var_epi32(magnitude, high, negative));
  const __m512i sums =
      _mm512_sad_epu8(_mm512_and_si512(magnitude, negative), _mm512_setzero_si512());
  const __m256i four =
      _mm256_add_epi64(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
#else
  const __m256i magnitude = _mm256_abs_epi8(a);
  const __m256i negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), a);
  // The unpack instructions work within halves of a register: 0, 1, 4, 5 and 2, 3, 6, 7.
  const __m256i low = _mm256_unpacklo_epi32(magnitude, negative);
  const __m256i high = _mm256_unpackhi_epi32(magnitude, negative);
  auto* to = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
  _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
  const __m256i four =
      _mm256_sad_epu8(_mm256_and_si256(magnitude, negative), _mm256_setzero_si256());
#endif
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  sum.halves = _mm_add_epi64(sum.halves, two);
}
#endif

/// Stores sixteen groups of four bytes in the form that broadcast_quad() reads.
LW_INLINE void store_quads(uint8_t* p, const i8x64& a, [[maybe_unused]] NegativeSum& sum) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) {
    uint8_t* const to = p + i * kPartLanes * kQuadBytes;
#if LW_HAS_VNNI
    const IntPart bytes = a.part[i] ^ IntPart(static_cast<int32_t>(0x80808080u));
    bytes.store_unaligned(reinterpret_cast<int32_t*>(to));
#elif defined(__AVX2__)
    store_magnitudes(to, a.part[i], sum);
#else
    a.part[i].store_unaligned(reinterpret_cast<int32_t*>(to));
#endif
  }
}

/// The sum of the 32 signed bytes at p.
LW_INLINE int32_t sum_of_32_bytes(const uint8_t* p) noexcept {
  // As unsigned bytes, 128 larger, which one instruction sums in groups of eight.
  const __m128i flip = _mm_set1_epi8(-128);
  const __m128i none = _mm_setzero_si128();
  const auto* from = reinterpret_cast<const __m128i*>(p);
  const __m128i low = _mm_sad_epu8(_mm_xor_si128(_mm_loadu_si128(from), flip), none);
  const __m128i high = _mm_sad_epu8(_mm_xor_si128(_mm_loadu_si128(from + 1), flip), none);
  return add_halves(_mm_add_epi64(low, high)) - 32 * 128;
}

/// The 4 bytes at p in every lane.
LW_INLINE IntPart broadcast_bytes(const uint8_t* p) noexcept {
  int32_t four;
  std::memcpy(&four, p, sizeof(four));
  return IntPart(four);
}

/// Four adjacent bytes of a in every lane, in the form for products.
struct ByteQuad {
#if LW_HAS_VNNI
  IntPart bytes;
#elif defined(__AVX2__)
  IntPart magnitude;
  IntPart negative;
#else
  IntPart even;  // as 16 bits
  IntPart odd;
#endif
};

/// p: kQuadBytes bytes that store_quads() wrote.
LW_INLINE ByteQuad broadcast_quad(const uint8_t* p) noexcept {
  const IntPart bytes = broadcast_bytes(p);
#if LW_HAS_VNNI
  return {bytes};
#elif defined(__AVX2__)
  return {bytes, broadcast_bytes(p + 4)};
#else
  return {IntPart(even_signed(bytes)), IntPart(_mm_srai_epi16(bytes, 8))};
#endif
}

/// c[i] + a[0] w[4 i] + ... + a[3] w[4 i + 3], up to the initial value of the sum.
LW_INLINE IntPart dot_part(const ByteQuad& a, const IntPart& w, const IntPart& c) noexcept {
#if LW_HAS_VNNI
  return dpbusd(a.bytes, w, c);
#elif defined(__AVX2__)
  return dot_part(a.magnitude, w ^ a.negative, c);
#else
  const __m128i even = _mm_madd_epi16(a.even, even_signed(w));
  const __m128i odd = _mm_madd_epi16(a.odd, _mm_srai_epi16(w, 8));
  return IntPart(_mm_add_epi32(_mm_add_epi32(c, even), odd));
#endif
}

LW_INLINE i32x16 dot(const ByteQuad& a, const i8x64& w, const i32x16& c) noexcept {
  i32x16 r;
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) r.part[i] = dot_part(a, w.part[i], c.part[i]);
  return r;
}

// Products of weights in [0, 15] and signed bytes in [-128, 127]. 16 bits hold the sum of 8 pairs,
// each up to 2 * 15 * 128: sums are kept in 16 bits for kSmallDots steps and then extended to 32.
constexpr size_t kSmallDots = 8;

/// 16 sums of such products, or on AVX2 and AVX-512 without VNNI 32 partial sums in 16 bits.
struct SmallSums {
  IntPart part[kParts];
};

/// c + w[4 i] a[0] + ... + w[4 i + 3] a[3], for a of broadcast_bytes().
LW_INLINE IntPart small_dot_part(const IntPart& w, const IntPart& a, const IntPart& c) noexcept {
#if LW_HAS_VNNI
  return dpbusd(w, a, c);
#elif defined(__AVX2__)
  // The empty assembly keeps the additions in order: GCC 12 would make a tree of them and spill all
  // products to the stack.
#if defined(__AVX512BW__)
  __m512i sum = _mm512_add_epi16(c, _mm512_maddubs_epi16(w, a));
  __asm__("" : "+v"(sum));
#else
  __m256i sum = _mm256_add_epi16(c, _mm256_maddubs_epi16(w, a));
  __asm__("" : "+x"(sum));
#endif
  return IntPart(sum);
#else
  return dot_sse2(w, a, c);
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
#if LW_HAS_VNNI || !defined(__AVX2__)
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

/// The sum of the 16 lanes, modulo 2^32.
LW_INLINE int32_t reduce_add(const i32x16& a) noexcept {
  int32_t lanes[kLanes];
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) a.part[i].store_unaligned(lanes + i * kPartLanes);
  uint32_t sum = 0;
  for (const int32_t lane : lanes) sum += static_cast<uint32_t>(lane);
  return static_cast<int32_t>(sum);
}

/// Hides the value of a from the compiler without an instruction, so that it neither hoists
/// computations on a out of a loop nor merges equal ones.
LW_INLINE void forget(u8x64& a) noexcept {
  LW_UNROLL for (size_t i = 0; i < kParts; ++i) __asm__("" : "+v"(a.part[i].data));
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
