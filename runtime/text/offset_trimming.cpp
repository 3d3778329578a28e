#include "runtime/text/offset_trimming.hpp"

#include <algorithm>

#include "runtime/text/byte_level.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

bool is_blank(char32_t c) noexcept {
  return c == kByteLevelSpace || (code_point_class(c) & kSpace) != 0;
}

int leading_blanks(std::string_view token) noexcept {
  int count = 0;
  for (size_t i = 0; i < token.size(); ++count) {
    const CodePoint code_point = decode_at(token, i);
    if (!is_blank(code_point.value)) break;
    i += static_cast<size_t>(code_point.length);
  }
  return count;
}

int trailing_blanks(std::string_view token) noexcept {
  int count = 0;
  for (size_t end = token.size(); end > 0; ++count) {
    end = previous_code_point(token, end);
    if (!is_blank(decode_at(token, end).value)) break;
  }
  return count;
}

}  // namespace

void trim_offsets(std::string_view text, std::string_view name, bool keeps_first, bool is_first,
                  Token* token) {
  int leading = leading_blanks(name);
  if (leading == 1 && keeps_first && (is_first || token->begin == 0)) leading = 0;
  auto begin = static_cast<size_t>(token->begin);
  auto end = static_cast<size_t>(token->end);
  for (; leading > 0 && begin < end; --leading) {
    begin += static_cast<size_t>(decode_at(text, begin).length);
  }
  int trailing = trailing_blanks(name);
  size_t trimmed = end;
  for (; trailing > 0 && trimmed > 0; --trailing) trimmed = previous_code_point(text, trimmed);
  // The end stays if fewer than `trailing` characters of the text precede it.
  if (trailing == 0) end = std::max(trimmed, begin);
  token->begin = static_cast<int32_t>(begin);
  token->end = static_cast<int32_t>(end);
}

}  // namespace lanewise::text
