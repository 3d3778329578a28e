#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lanewise::text {

/// Bytes [begin, end) of the caller's text.
struct Span {
  int32_t begin;
  int32_t end;
};

/// A text after normalisation, and the origin of each of its bytes.
struct NormalizedText {
  std::string bytes;        ///< UTF-8
  std::vector<Span> spans;  ///< One per byte: the original code point, equal for all its bytes.

  void clear();
  void append(char32_t code_point, Span span);
  /// Appends `utf8`; all its bytes get `span`.
  void append(std::string_view utf8, Span span);
  /// Appends bytes [begin, end) of `other`, with their spans.
  void append(const NormalizedText& other, size_t begin, size_t end);
};

/// `text` itself; its first byte is byte `offset` of the caller's.
NormalizedText unchanged_text(std::string_view text, int32_t offset);

/// A code point of the new text, and how it advances through the old one: 0 replaces the next old
/// code point, -n also consumes n more, 1 inserts it after the last one replaced.
struct Change {
  char32_t code_point;
  int change;
};

/// Applies `changes` to `text`. A code point gets the span of the first one that it replaces; an
/// inserted one gets that of the old code point before it, as in Hugging Face.
NormalizedText transformed(const NormalizedText& text, std::span<const Change> changes);

}  // namespace lanewise::text
