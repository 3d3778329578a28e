#include "converters/formats/float8.hpp"

#include <bit>
#include <cstdint>
#include <limits>

namespace lanewise::converters {
namespace {

/// Sign, 4 bits of exponent with bias 7, 3 of mantissa. There is no infinity, and only the code
/// with all bits set is NaN.
float to_f32(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80) << 24;
  const uint32_t exponent = (code >> 3) & 15;
  const uint32_t mantissa = code & 7;
  if (exponent == 15 && mantissa == 7) {
    return std::bit_cast<float>(sign |
                                std::bit_cast<uint32_t>(std::numeric_limits<float>::quiet_NaN()));
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-9f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  constexpr uint32_t kBias = 127 - 7;
  return std::bit_cast<float>(sign | (exponent + kBias) << 23 | mantissa << 20);
}

void unpack(const std::byte* blocks, size_t count, float* y) noexcept {
  for (size_t i = 0; i < count; ++i) y[i] = to_f32(static_cast<uint8_t>(blocks[i]));
}

}  // namespace

const ops::BlockFormat& float8_e4m3() noexcept {
  static constexpr ops::BlockFormat kFormat = {"F8_E4M3", 1, 1, unpack};
  return kFormat;
}

}  // namespace lanewise::converters
