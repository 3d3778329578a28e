#include "runtime/text/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lanewise::text {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint8_t kNoDigit = 64;

/// The value of each character as a digit.
constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}();

}  // namespace

Result<std::string> decode_base64(std::string_view base64, std::string_view name) {
  std::string bytes;
  bytes.reserve(base64.size() / 4 * 3);
  while (base64.ends_with('=')) base64.remove_suffix(1);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    const uint8_t digit = kValues[static_cast<uint8_t>(c)];
    if (digit == kNoDigit) return data_loss(std::string(name) + " is not base64");
    bits = bits << 6 | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string base64;
  base64.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    }
    const size_t digits = std::min<size_t>(bytes.size() - i, 3) + 1;
    for (size_t k = 0; k < 4; ++k) {
      base64.push_back(k < digits ? kDigits[bits >> (18 - 6 * k) & 63] : '=');
    }
  }
  return base64;
}

}  // namespace lanewise::text
