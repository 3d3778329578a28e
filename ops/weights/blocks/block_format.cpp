#include "ops/weights/blocks/block_format.hpp"

#include <algorithm>
#include <cstring>

#include "base/half.hpp"
#include "ops/weights/blocks/block_bits.hpp"

namespace lanewise::ops {
namespace {

float value(Half half) noexcept {
  return base::half_to_f32(static_cast<uint16_t>(half.bytes[0] | half.bytes[1] << 8));
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

void unpack(const BlockQ2K& b, float* y) noexcept {
  const float d = value(b.d);
  const float m = value(b.m);
  for (int i = 0; i < 256; ++i) {
    const float scale = d * static_cast<float>(bits<4>(b.scales[i / 16], 0));
    const float minimum = m * static_cast<float>(bits<4>(b.scales[i / 16], 4));
    y[i] = scale * static_cast<float>(code2(b.u, i)) - minimum;
  }
}

void unpack(const BlockQ3K& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 256; ++i) {
    y[i] = d * static_cast<float>(scale_of(b, i / 16)) * static_cast<float>(code3(b, i) - 4);
  }
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
  unpack_groups(b, y, [&](int i) { return code5(b, i); });
}

void unpack(const BlockQ6K& b, float* y) noexcept {
  const float d = value(b.d);
  for (int i = 0; i < 256; ++i) {
    const int code = code6(b, i);
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
    const float scale = d * static_cast<float>(scale_of(b, group));
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
#define LW_BLOCK_FORMAT(block, name, elements, ...) \
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
