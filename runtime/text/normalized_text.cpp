#include "runtime/text/normalized_text.hpp"

#include <algorithm>

#include "runtime/text/utf8.hpp"

namespace lanewise::text {

void NormalizedText::clear() {
  bytes.clear();
  spans.clear();
}

void NormalizedText::append(char32_t code_point, Span span) {
  const int length = append_utf8(code_point, &bytes);
  spans.insert(spans.end(), static_cast<size_t>(length), span);
}

void NormalizedText::append(std::string_view utf8, Span span) {
  bytes += utf8;
  spans.insert(spans.end(), utf8.size(), span);
}

void NormalizedText::append(const NormalizedText& other, size_t begin, size_t end) {
  bytes.append(other.bytes, begin, end - begin);
  const auto first = other.spans.begin();
  spans.insert(spans.end(), first + static_cast<std::ptrdiff_t>(begin),
               first + static_cast<std::ptrdiff_t>(end));
}

NormalizedText unchanged_text(std::string_view text, int32_t offset) {
  NormalizedText result;
  result.bytes = text;
  result.spans.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const int length = decode_at(text, i).length;
    const auto begin = offset + static_cast<int32_t>(i);
    result.spans.insert(result.spans.end(), static_cast<size_t>(length), {begin, begin + length});
    i += static_cast<size_t>(length);
  }
  return result;
}

NormalizedText transformed(const NormalizedText& text, std::span<const Change> changes) {
  NormalizedText result;
  result.bytes.reserve(text.bytes.size());
  result.spans.reserve(text.bytes.size());
  size_t at = 0;
  for (const auto& [code_point, change] : changes) {
    const size_t from = change > 0 && at > 0 ? at - 1 : std::min(at, text.spans.size() - 1);
    Span span = text.spans.empty() ? Span{0, 0} : text.spans[from];
    if (change > 0 && at == 0) span.end = span.begin;
    result.append(code_point, span);
    for (int taken = change; taken <= 0 && at < text.bytes.size(); ++taken) {
      at += static_cast<size_t>(decode_at(text.bytes, at).length);
    }
  }
  return result;
}

}  // namespace lanewise::text
