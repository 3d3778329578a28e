#pragma once

#include <cstdint>

#include "ops/weights/blocks/blocks.hpp"

/// Where the codes and scales of a block are among its bits.
namespace lanewise::ops {

/// Bits `shift` to `shift + width - 1` of a byte.
template <int width>
int bits(uint8_t byte, int shift) noexcept {
  return byte >> shift & ((1 << width) - 1);
}

/// Code i of 32 in 16 bytes.
inline int code4(const uint8_t* u, int i) noexcept { return bits<4>(u[i % 16], i / 16 * 4); }

inline int code5(const uint8_t* u, const uint8_t* high, int i) noexcept {
  return code4(u, i) | bits<1>(high[i / 8], i % 8) << 4;
}

/// Code i of 256, 2 bits each: the layout of Q2_K.
inline int code2(const uint8_t* u, int i) noexcept {
  return bits<2>(u[i / 128 * 32 + i % 32], i % 128 / 32 * 2);
}

inline int scale_of(const BlockQ3K& b, int group) noexcept {
  const int low = bits<4>(b.scales[group % 8], group / 8 * 4);
  const int high = bits<2>(b.scales[8 + group % 4], group / 4 * 2);
  return (low | high << 4) - 32;
}

struct ScaleAndMinimum {
  int scale;
  int minimum;
};

/// The first four groups have 6 bits of bytes 0 to 3 and 4 to 7. The others have the halves of
/// bytes 8 to 11, and the two bits that those left over.
inline ScaleAndMinimum group_scale(const GroupScales& scales, int group) noexcept {
  const uint8_t* s = scales.bytes;
  if (group < 4) return {bits<6>(s[group], 0), bits<6>(s[group + 4], 0)};
  return {bits<4>(s[group + 4], 0) | bits<2>(s[group - 4], 6) << 4,
          bits<4>(s[group + 4], 4) | bits<2>(s[group], 6) << 4};
}

/// Code i of 256, 4 bits each: the layout of Q4_K.
inline int paired_code(const uint8_t* u, int i) noexcept {
  return bits<4>(u[i / 64 * 32 + i % 32], i % 64 / 32 * 4);
}

inline int code3(const BlockQ3K& b, int i) noexcept {
  return code2(b.u, i) | bits<1>(b.high[i % 32], i / 32) << 2;
}

inline int code5(const BlockQ5K& b, int i) noexcept {
  return paired_code(b.u, i) | bits<1>(b.high[i % 32], i / 32) << 4;
}

inline int code6(const BlockQ6K& b, int i) noexcept {
  return bits<4>(b.low[i / 128 * 64 + i % 64], i % 128 / 64 * 4) | code2(b.high, i) << 4;
}

inline int scale_of(const BlockIQ4XS& b, int group) noexcept {
  const int low = bits<4>(b.scales_low[group / 2], group % 2 * 4);
  const int high = bits<2>(b.scales_high[group / 4], group % 4 * 2);
  return (low | high << 4) - 32;
}

}  // namespace lanewise::ops
