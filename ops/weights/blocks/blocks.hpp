#pragma once

#include <cstdint>

/// The blocks in which GGUF files store weights: consecutive elements of a row with their scales.
///
/// Every struct is the bytes of a file and has no padding. `d` and `m` are little-endian f16. Where
/// two 4-bit codes share a byte, the element with the lower index is in the lower half.
namespace lanewise::ops {

/// A little-endian f16 at any address.
struct Half {
  uint8_t bytes[2];
};

/// w[i] = d * (u[i] - 8)
struct BlockQ4_0 {
  Half d;
  uint8_t u[16];  // byte i: elements i and 16 + i
};

/// w[i] = d * u[i] + m
struct BlockQ4_1 {
  Half d;
  Half m;
  uint8_t u[16];  // as in Q4_0
};

/// w[i] = d * (u[i] - 16), u of 5 bits
struct BlockQ5_0 {
  Half d;
  uint8_t high[4];  // bit i % 8 of byte i / 8: bit 4 of u[i]
  uint8_t u[16];    // as in Q4_0
};

/// w[i] = d * u[i] + m, u of 5 bits
struct BlockQ5_1 {
  Half d;
  Half m;
  uint8_t high[4];  // as in Q5_0
  uint8_t u[16];
};

/// w[i] = d * q[i]
struct BlockQ8_0 {
  Half d;
  int8_t q[32];
};

/// 16 groups g of 16 elements: w[i] = d * scale[g] * u[i] - m * minimum[g], u of 2 bits
struct BlockQ2K {
  uint8_t scales[16];  // byte g: the scale in the lower half, the minimum in the upper one
  uint8_t u[64];       // bits 2 j of byte 32 h + l: element 128 h + 32 j + l
  Half d;
  Half m;
};

/// 16 groups g of 16 elements: w[i] = d * (scale[g] - 32) * (u[i] - 4), u of 3 bits
struct BlockQ3K {
  uint8_t high[32];    // bit b of byte l: bit 2 of u[32 b + l]
  uint8_t u[64];       // the lower 2 bits, as in Q2_K
  uint8_t scales[12];  // 6 bits each: 4 in bytes 0 to 7 (half g / 8 of byte g % 8), 2 in bytes 8 to
                       // 11 (bits 2 (g / 4) of byte 8 + g % 4)
  Half d;
};

/// 8 groups of 32 with a scale and a minimum of 6 bits each; group_scale() has their layout.
struct GroupScales {
  uint8_t bytes[12];
};

/// 8 groups g of 32 elements: w[i] = d * scale[g] * u[i] - m * minimum[g]
struct BlockQ4K {
  Half d;
  Half m;
  GroupScales scales;
  uint8_t u[128];  // byte 32 p + l: elements 64 p + l and 64 p + 32 + l
};

/// As Q4_K, u of 5 bits
struct BlockQ5K {
  Half d;
  Half m;
  GroupScales scales;
  uint8_t high[32];  // bit g of byte l: bit 4 of u[32 g + l]
  uint8_t u[128];    // as in Q4_K
};

/// 16 groups g of 16 elements: w[i] = d * scale[g] * (u[i] - 32), u of 6 bits
struct BlockQ6K {
  uint8_t low[128];  // byte 64 h + 32 (j % 2) + l, half j / 2: bits 0 to 3 of u[128 h + 32 j + l]
  uint8_t high[64];  // bits 2 j of byte 32 h + l: bits 4 and 5
  int8_t scales[16];
  Half d;
};

/// w[i] = d * kIQ4Values[u[i]]
struct BlockIQ4NL {
  Half d;
  uint8_t u[16];  // as in Q4_0
};

/// 8 groups g of 32 elements: w[i] = d * (scale[g] - 32) * kIQ4Values[u[i]]
struct BlockIQ4XS {
  Half d;
  uint8_t scales_high[2];  // bits 2 g of the little-endian number: bits 4 and 5 of the scale
  uint8_t scales_low[4];   // half g % 2 of byte g / 2: bits 0 to 3
  uint8_t u[128];          // 16 bytes for each group, as in Q4_0
};

/// The values that the codes of IQ4_NL and IQ4_XS stand for: finer near zero.
inline constexpr int8_t kIQ4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace lanewise::ops
