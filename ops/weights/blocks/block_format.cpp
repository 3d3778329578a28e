#include "ops/weights/blocks/block_format.hpp"

#include <algorithm>
#include <cstring>

#include "base/half.hpp"
#include "ops/weights/blocks/blocks.hpp"

namespace lanewise::ops {
namespace {

float value(Half half) noexcept {
  return base::half_to_f32(static_cast<uint16_t>(half.bytes[0] | half.bytes[1] << 8));
}

/// Bits `shift` to `shift + width - 1` of a byte.
template <int width>
int bits(uint8_t byte, int shift) noexcept {
  return byte >> shift & ((1 << width) - 1);
}

/// Code i of 32 in 16 bytes.
int code4(const uint8_t* u, int i) noexcept { return bits<4>(u[i % 16], i / 16 * 4); }

int code5(const uint8_t* u, const uint8_t* high, int i) noexcept {
  return code4(u, i) | bits<1>(high[i / 8], i % 8) << 4;
}

void unpack(const BlockQ4_0& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code4(b.u, i) - 8);
}

void unpack(const BlockQ4_1& b, float* y) noexcept {
  const float d = value(b.d);
  const float m = value(b.m);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code4(b.u, i)) + m;
}

void unpack(const BlockQ5_0& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code5(b.u, b.high, i) - 16);
}

void unpack(const BlockQ5_1& b, float* y) noexcept {
  const float d = value(b.d);
  const float m = value(b.m);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code5(b.u, b.high, i)) + m;
}

void unpack(const BlockQ8_0& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(b.q[i]);
}

/// Code i of 256, 2 bits each: the layout of Q2_K.
int code2(const uint8_t* u, int i) noexcept {
  return bits<2>(u[i / 128 * 32 + i % 32], i % 128 / 32 * 2);
}

void unpack(const BlockQ2K& b, float* y) noexcept {
  const float d = value(b.d);
  const float m = value(b.m);
  for (int i = 0; i < 256; ++i) {
    const float scale = d * static_cast<float>(bits<4>(b.scales[i / 16], 0));
    const float minimum = m * static_cast<float>(bits<4>(b.scales[i / 16], 4));
    y[i] = scale * static_cast<float>(code2(b.u, i)) - minimum;
  }
}

int scale_of(const BlockQ3K& b, int group) noexcept {
  const int low = bits<4>(b.scales[group % 8], group / 8 * 4);
  const int high = bits<2>(b.scales[8 + group % 4], group / 4 * 2);
  return (low | high << 4) - 32;
}

void unpack(const BlockQ3K& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 256; ++i) {
    const int code = code2(b.u, i) | bits<1>(b.high[i % 32], i / 32) << 2;
    y[i] = d * static_cast<float>(scale_of(b, i / 16)) * static_cast<float>(code - 4);
  }
}

struct ScaleAndMinimum {
  int scale;
  int minimum;
};

/// The first four groups have 6 bits of bytes 0 to 3 and 4 to 7. The others have the halves of
/// bytes 8 to 11, and the two bits that those left over.
ScaleAndMinimum group_scale(const GroupScales& scales, int group) noexcept {
  const uint8_t* s = scales.bytes;
  if (group < 4) return {bits<6>(s[group], 0), bits<6>(s[group + 4], 0)};
  return {bits<4>(s[group + 4], 0) | bits<2>(s[group - 4], 6) << 4,
          bits<4>(s[group + 4], 4) | bits<2>(s[group], 6) << 4};
}

/// Code i of 256, 4 bits each: the layout of Q4_K.
int paired_code(const uint8_t* u, int i) noexcept {
  return bits<4>(u[i / 64 * 32 + i % 32], i % 64 / 32 * 4);
}

/// Q4_K and Q5_K differ only in their codes.
template <typename Block, typename Code>
void unpack_groups(const Block& b, float* y, Code code) noexcept {
  const float d = value(b.d);
  const float m = value(b.m);
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMinimum of_group = group_scale(b.scales, group);
    const float scale = d * static_cast<float>(of_group.scale);
    const float minimum = m * static_cast<float>(of_group.minimum);
    for (int i = 32 * group; i < 32 * group + 32; ++i) {
      y[i] = scale * static_cast<float>(code(i)) - minimum;
    }
  }
}

void unpack(const BlockQ4K& b, float* y) noexcept {
  unpack_groups(b, y, [&](int i) { return paired_code(b.u, i); });
}

void unpack(const BlockQ5K& b, float* y) noexcept {
  unpack_groups(b, y,
                [&](int i) { return paired_code(b.u, i) | bits<1>(b.high[i % 32], i / 32) << 4; });
}

void unpack(const BlockQ6K& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 256; ++i) {
    const int low = bits<4>(b.low[i / 128 * 64 + i % 64], i % 128 / 64 * 4);
    const int code = low | code2(b.high, i) << 4;
    const int group = i / 16;
    y[i] = d * static_cast<float>(b.scales[group]) * static_cast<float>(code - 32);
  }
}

void unpack(const BlockIQ4NL& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(kIQ4Values[code4(b.u, i)]);
}

void unpack(const BlockIQ4XS& b, float* y) noexcept {
  const float d = value(b.d);
  for (int group = 0; group < 8; ++group) {
    const int low = bits<4>(b.scales_low[group / 2], group % 2 * 4);
    const int high = bits<2>(b.scales_high[group / 4], group % 4 * 2);
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    for (int i = 0; i < 32; ++i) {
      y[32 * group + i] = scale * static_cast<float>(kIQ4Values[code4(b.u + 16 * group, i)]);
    }
  }
}

template <typename Block, int elements>
void unpack_all(const std::byte* blocks, size_t count, float* y) noexcept {
  for (size_t i = 0; i < count; ++i) {
    Block block;
    std::memcpy(&block, blocks + i * sizeof(Block), sizeof(Block));
    unpack(block, y + i * elements);
  }
}

constexpr BlockFormat kFormats[] = {
#define LW_BLOCK_FORMAT(block, name, elements) \
  {name, elements, sizeof(block), unpack_all<block, elements>},
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
};

}  // namespace

std::span<const BlockFormat> block_formats() noexcept { return kFormats; }

const BlockFormat* find_block_format(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kFormats, name, &BlockFormat::name);
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace lanewise::ops
