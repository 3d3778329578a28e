#pragma once

#include <string>
#include <string_view>

#include "runtime/text/normalized_text.hpp"

namespace lanewise::text {

/// The printable code point that stands for `byte` in byte-level vocabularies, U+0120 for a space.
char32_t byte_level_character(uint8_t byte) noexcept;

/// The character for a space.
inline constexpr char32_t kByteLevelSpace = 0x120;

/// Appends `text` with each byte as its character; each has the span of its whole code point.
void append_byte_level(const NormalizedText& text, size_t begin, size_t end, NormalizedText* out);

/// Appends the bytes that the characters of `token` stand for, or `token` itself if any of them
/// stands for no byte.
void append_bytes_of(std::string_view token, std::string* out);

}  // namespace lanewise::text
