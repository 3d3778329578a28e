#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lanewise::text {

/// Bytes [begin, end) of the text that the caller gave.
struct Span {
  int32_t begin;
  int32_t end;
};

/// A text after normalisation, and where each of its bytes comes from.
struct NormalizedText {
  std::string bytes;        ///< UTF-8
  std::vector<Span> spans;  ///< One a byte: the original code point; the same for all bytes of one.

  void clear();
  void append(char32_t code_point, Span span);
  /// All of `utf8` from one place.
  void append(std::string_view utf8, Span span);
  /// Bytes [begin, end) of `other`, with their spans.
  void append(const NormalizedText& other, size_t begin, size_t end);
};

/// `text` as it is; its first byte is byte `offset` of the caller's.
NormalizedText unchanged_text(std::string_view text, int32_t offset);

/// A code point of a new form of a text, and how it moves through the old one: 0 replaces the next
/// old code point, -n takes n more with it, 1 is inserted behind the last one replaced.
struct Change {
  char32_t code_point;
  int change;
};

/// The text that `changes` make of `text`. A code point has the span of the first that it replaces,
/// one inserted that of the old code point before it, as Hugging Face has it.
NormalizedText transformed(const NormalizedText& text, std::span<const Change> changes);

}  // namespace lanewise::text
