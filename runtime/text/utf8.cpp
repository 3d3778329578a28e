#include "runtime/text/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace lanewise::text {
namespace {

uint8_t byte_at(std::string_view text, size_t i) noexcept { return static_cast<uint8_t>(text[i]); }

bool is_continuation(uint8_t byte) noexcept { return (byte & 0xC0) == 0x80; }

/// The length of the sequence that `lead` starts; 0 if it starts none.
int sequence_length(uint8_t lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // continuation bytes, and the overlong leads C0 and C1
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

/// Whether `second` may follow `lead`. This excludes the overlong forms, surrogates and code points
/// above U+10FFFF that the lead byte alone does not.
bool second_byte_fits(uint8_t lead, uint8_t second) noexcept {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return is_continuation(second);
  }
}

/// The length of the well-formed sequence at byte `i`; 0 if there is none.
int well_formed_length(std::string_view text, size_t i) noexcept {
  const uint8_t lead = byte_at(text, i);
  const int length = sequence_length(lead);
  if (length <= 1) return length;
  if (text.size() - i < static_cast<size_t>(length)) return 0;
  if (!second_byte_fits(lead, byte_at(text, i + 1))) return 0;
  for (int k = 2; k < length; ++k) {
    if (!is_continuation(byte_at(text, i + k))) return 0;
  }
  return length;
}

/// The length of the truncated code point at the start of `text`, which does not start with a
/// complete one; 1 if its first byte starts none.
size_t malformed_length(std::string_view text) noexcept {
  const uint8_t lead = byte_at(text, 0);
  const auto length = static_cast<size_t>(sequence_length(lead));
  if (length < 2 || text.size() < 2 || !second_byte_fits(lead, byte_at(text, 1))) return 1;
  size_t end = 2;
  while (end < length && end < text.size() && is_continuation(byte_at(text, end))) ++end;
  return end;
}

bool eight_ascii_bytes(const char* bytes) noexcept {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

}  // namespace

size_t valid_utf8_prefix(std::string_view text) noexcept {
  size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8 && eight_ascii_bytes(text.data() + i)) {
      i += 8;
      continue;
    }
    const int length = well_formed_length(text, i);
    if (length == 0) break;
    i += static_cast<size_t>(length);
  }
  return i;
}

Status check_utf8(std::string_view text) {
  const size_t valid = valid_utf8_prefix(text);
  if (valid == text.size()) return {};
  return invalid_argument("text is not UTF-8 at byte " + std::to_string(valid));
}

std::string replace_malformed(std::string_view bytes, std::string_view replacement) {
  std::string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const size_t valid = valid_utf8_prefix(rest);
    text += rest.substr(0, valid);
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    text += replacement;
    rest.remove_prefix(malformed_length(rest));
  }
  return text;
}

CodePoint decode_at(std::string_view text, size_t i) noexcept {
  const uint8_t lead = byte_at(text, i);
  if (lead < 0x80) return {lead, 1};
  const auto tail = [&](size_t k) -> char32_t { return byte_at(text, i + k) & 0x3Fu; };
  if (lead < 0xE0) return {(lead & 0x1Fu) << 6 | tail(1), 2};
  if (lead < 0xF0) return {(lead & 0x0Fu) << 12 | tail(1) << 6 | tail(2), 3};
  return {(lead & 0x07u) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
}

size_t previous_code_point(std::string_view text, size_t i) noexcept {
  do {
    --i;
  } while (i > 0 && is_continuation(byte_at(text, i)));
  return i;
}

int64_t count_code_points(std::string_view text) noexcept {
  int64_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) count += is_continuation(byte_at(text, i)) ? 0 : 1;
  return count;
}

std::string_view first_code_points(std::string_view text, int64_t count) noexcept {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(byte_at(text, i)) && count-- <= 0) return text.substr(0, i);
  }
  return text;
}

int append_utf8(char32_t code_point, std::string* out) {
  const auto put = [&](char32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
    return 2;
  }
  if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
    return 3;
  }
  put(0xF0 | code_point >> 18);
  put(0x80 | (code_point >> 12 & 0x3F));
  put(0x80 | (code_point >> 6 & 0x3F));
  put(0x80 | (code_point & 0x3F));
  return 4;
}

}  // namespace lanewise::text
