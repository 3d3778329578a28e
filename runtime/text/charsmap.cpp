#include "runtime/text/charsmap.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "runtime/text/base64.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

constexpr size_t kUnitBytes = 4;

uint32_t little_endian(std::string_view bytes, size_t at) noexcept {
  uint32_t value = 0;
  for (size_t i = 0; i < kUnitBytes; ++i) {
    value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  }
  return value;
}

// A unit of the array: bits 0-7 are the byte that leads to the node, bit 8 says that a key ends
// there, bit 9 that the offset is in units of 256; the rest is the offset of the node's children.
// The child for byte 0 holds the value of the key, with bit 31 set.
bool ends_key(uint32_t unit) noexcept { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) noexcept { return unit & 0x800000FFu; }
uint32_t value(uint32_t unit) noexcept { return unit & 0x7FFFFFFFu; }
uint32_t children(uint32_t unit) noexcept { return unit >> 10 << ((unit & 0x200) >> 6); }

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view blob) {
  Charsmap map;
  if (blob.empty()) return map;
  if (blob.size() < kUnitBytes) return data_loss("precompiled_charsmap is truncated");
  const uint32_t array_bytes = little_endian(blob, 0);
  blob.remove_prefix(kUnitBytes);
  if (array_bytes > blob.size() || array_bytes % kUnitBytes != 0) {
    return data_loss("precompiled_charsmap: an array of " + std::to_string(array_bytes) +
                     " bytes in " + std::to_string(blob.size()));
  }
  map.units_.resize(array_bytes / kUnitBytes);
  for (size_t i = 0; i < map.units_.size(); ++i) {
    map.units_[i] = little_endian(blob, i * kUnitBytes);
  }
  map.replacements_ = blob.substr(array_bytes);
  if (valid_utf8_prefix(map.replacements_) != map.replacements_.size()) {
    return data_loss("precompiled_charsmap: the replacements are not UTF-8");
  }
  return map;
}

Result<Charsmap> Charsmap::parse_base64(std::string_view base64) {
  LW_ASSIGN_OR_RETURN(const std::string blob, decode_base64(base64, "precompiled_charsmap"));
  return parse(blob);
}

Charsmap::Rule Charsmap::find(std::string_view text, bool first) const noexcept {
  Rule rule;
  if (units_.empty()) return rule;
  size_t node = children(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= children(unit);
    if (!ends_key(unit) || node >= units_.size()) continue;
    const size_t begin = value(units_[node]);
    if (begin >= replacements_.size()) continue;
    // No replacement starts in the middle of a code point.
    if ((static_cast<uint8_t>(replacements_[begin]) & 0xC0) == 0x80) continue;
    const size_t end = std::min(replacements_.find('\0', begin), replacements_.size());
    rule = {i + 1, std::string_view(replacements_).substr(begin, end - begin)};
    if (first) break;
  }
  return rule;
}

}  // namespace lanewise::text
