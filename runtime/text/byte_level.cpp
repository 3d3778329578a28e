#include "runtime/text/byte_level.hpp"

#include <array>

#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

/// Printable characters of Latin-1 stand for themselves.
constexpr bool is_printable(int byte) noexcept {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// The others take the code points from U+0100 on, in order.
constexpr std::array<uint16_t, 256> make_characters() noexcept {
  std::array<uint16_t, 256> characters = {};
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    characters[static_cast<size_t>(byte)] =
        is_printable(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return characters;
}

constexpr std::array<uint16_t, 256> kCharacters = make_characters();
constexpr size_t kCharacterEnd = 0x100 + 68;  // 68 bytes are not printable

constexpr std::array<int16_t, kCharacterEnd> make_bytes() noexcept {
  std::array<int16_t, kCharacterEnd> bytes = {};
  bytes.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr std::array<int16_t, kCharacterEnd> kBytes = make_bytes();

}  // namespace

char32_t byte_level_character(uint8_t byte) noexcept { return kCharacters[byte]; }

void append_byte_level(const NormalizedText& text, size_t begin, size_t end, NormalizedText* out) {
  for (size_t i = begin; i < end; ++i) {
    out->append(byte_level_character(static_cast<uint8_t>(text.bytes[i])), text.spans[i]);
  }
}

void append_bytes_of(std::string_view token, std::string* out) {
  const size_t before = out->size();
  for (size_t i = 0; i < token.size();) {
    const CodePoint character = decode_at(token, i);
    if (character.value >= kCharacterEnd || kBytes[character.value] < 0) {
      out->resize(before);
      *out += token;
      return;
    }
    out->push_back(static_cast<char>(kBytes[character.value]));
    i += static_cast<size_t>(character.length);
  }
}

}  // namespace lanewise::text
