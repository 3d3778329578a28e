#include "ops/weights/blocks/block_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/half.hpp"
#include "ops/weights/blocks/block_bits.hpp"
#include "ops/weights/half/half.hpp"

namespace lanewise::ops {
namespace {

uint16_t bits_of(Half half) noexcept {
  return static_cast<uint16_t>(half.bytes[0] | half.bytes[1] << 8);
}

template <typename Code>
void read_codes(int elements, BlockNumbers& numbers, Code code) noexcept {
  for (int i = 0; i < elements; ++i) numbers.codes[i] = static_cast<uint8_t>(code(i));
}

template <typename Scale>
void read_scales(int groups, BlockNumbers& numbers, Scale scale) noexcept {
  for (int g = 0; g < groups; ++g) numbers.scales[g] = static_cast<int8_t>(scale(g));
}

void read(const BlockQ4_0& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return code4(b.u, i); });
}

void read(const BlockQ4_1& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return code4(b.u, i); });
  numbers.minimum = bits_of(b.m);
}

void read(const BlockQ5_0& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return code5(b.u, b.high, i); });
}

void read(const BlockQ5_1& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return code5(b.u, b.high, i); });
  numbers.minimum = bits_of(b.m);
}

void read(const BlockQ8_0& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return b.q[i] + 128; });
}

void read(const BlockQ2K& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return code2(b.u, i); });
  read_scales(16, numbers, [&](int g) { return bits<4>(b.scales[g], 0); });
  for (int g = 0; g < 16; ++g) numbers.minimums[g] = static_cast<uint8_t>(bits<4>(b.scales[g], 4));
  numbers.minimum = bits_of(b.m);
}

void read(const BlockQ3K& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return code3(b, i); });
  read_scales(16, numbers, [&](int g) { return scale_of(b, g); });
}

template <typename Block>
void read_group_scales(const Block& b, BlockNumbers& numbers) noexcept {
  read_scales(8, numbers, [&](int g) { return group_scale(b.scales, g).scale; });
  for (int g = 0; g < 8; ++g) {
    numbers.minimums[g] = static_cast<uint8_t>(group_scale(b.scales, g).minimum);
  }
  numbers.minimum = bits_of(b.m);
}

void read(const BlockQ4K& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return paired_code(b.u, i); });
  read_group_scales(b, numbers);
}

void read(const BlockQ5K& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return code5(b, i); });
  read_group_scales(b, numbers);
}

void read(const BlockQ6K& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return code6(b, i); });
  read_scales(16, numbers, [&](int g) { return b.scales[g]; });
}

void read(const BlockIQ4NL& b, BlockNumbers& numbers) noexcept {
  read_codes(32, numbers, [&](int i) { return code4(b.u, i); });
}

void read(const BlockIQ4XS& b, BlockNumbers& numbers) noexcept {
  read_codes(256, numbers, [&](int i) { return code4(b.u + i / 32 * 16, i % 32); });
  read_scales(8, numbers, [&](int g) { return scale_of(b, g); });
}

template <typename Block>
void read_bytes(const std::byte* bytes, BlockNumbers& numbers) noexcept {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  numbers.scale = bits_of(block.d);
  read(block, numbers);
}

constexpr void (*kRead[])(const std::byte*, BlockNumbers&) noexcept = {
#define LW_BLOCK_FORMAT(block, ...) read_bytes<block>,
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
};

/// A group of floats: scale * v + minimum.
struct RoundedGroup {
  float scale;
  float minimum;
};

/// The largest v that a group is rounded to, the same with both signs.
int largest_value(const BlockTraits& traits) noexcept {
  if (traits.is_table()) return -kIQ4Values[0];
  if (traits.has_minimum) return (1 << traits.bits) - 1;
  return traits.zero - 1;
}

RoundedGroup range_of(const BlockTraits& traits, const float* w) noexcept {
  const auto [low, high] = std::minmax_element(w, w + traits.group);
  const auto most = static_cast<float>(largest_value(traits));
  if (!traits.has_minimum) return {std::max(-*low, *high) / most, 0.0f};
  const float minimum = traits.has_group_scales() ? std::min(*low, 0.0f) : *low;
  return {(*high - minimum) / most, minimum};
}

uint8_t nearest_code(const BlockTraits& traits, float v) noexcept {
  if (!traits.is_table()) {
    const float code = std::nearbyint(v) + static_cast<float>(traits.zero);
    return static_cast<uint8_t>(std::clamp(code, 0.0f, static_cast<float>((1 << traits.bits) - 1)));
  }
  const auto* nearest = std::min_element(kIQ4Values, kIQ4Values + 16, [&](int8_t a, int8_t b) {
    return std::abs(static_cast<float>(a) - v) < std::abs(static_cast<float>(b) - v);
  });
  return static_cast<uint8_t>(nearest - kIQ4Values);
}

/// The largest integer for the scale or minimum of a group.
float largest_group_scale(const BlockTraits& traits) noexcept {
  if (traits.shares_bytes()) return 15.0f;
  if (traits.has_minimum) return 63.0f;
  return traits.bits == 6 ? 127.0f : 31.0f;
}

float nearest_multiple(float value, float unit) noexcept {
  return unit > 0.0f ? std::nearbyint(value / unit) : 0.0f;
}

}  // namespace

void read_block(BlockKind kind, const std::byte* block, BlockNumbers& numbers) noexcept {
  numbers.minimum = 0;
  kRead[static_cast<size_t>(kind)](block, numbers);
}

void round_block(BlockKind kind, const float* w, BlockNumbers& numbers) noexcept {
  const BlockTraits traits = traits_of(kind);
  RoundedGroup groups[16];
  RoundedGroup most{0.0f, 0.0f};
  for (size_t g = 0; g < traits.groups(); ++g) {
    groups[g] = range_of(traits, w + g * traits.group);
    most.scale = std::max(most.scale, groups[g].scale);
    most.minimum = std::max(most.minimum, -groups[g].minimum);
  }
  const float units = traits.has_group_scales() ? largest_group_scale(traits) : 1.0f;
  numbers.scale = to_f16(most.scale / units);
  numbers.minimum = to_f16(traits.has_group_scales() ? most.minimum / units : groups[0].minimum);
  const float d = base::half_to_f32(numbers.scale);
  const float m = base::half_to_f32(numbers.minimum);
  for (size_t g = 0; g < traits.groups(); ++g) {
    float scale = d;
    float minimum = m;
    if (traits.has_group_scales()) {
      const float s = std::min(nearest_multiple(groups[g].scale, d), units);
      const float t = std::min(nearest_multiple(-groups[g].minimum, m), units);
      numbers.scales[g] = static_cast<int8_t>(s);
      numbers.minimums[g] = static_cast<uint8_t>(t);
      scale = d * s;
      minimum = -m * t;
    }
    for (size_t i = g * traits.group; i < (g + 1) * traits.group; ++i) {
      const float v = scale > 0.0f ? (w[i] - minimum) / scale : 0.0f;
      numbers.codes[i] = nearest_code(traits, v);
    }
  }
}

}  // namespace lanewise::ops
