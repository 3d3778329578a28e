#include "runtime/chat/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

using text::append_utf8;
using text::decode_at;
using text::previous_code_point;

bool is_space(char32_t c) noexcept {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_end(char32_t c) noexcept {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

utf8proc_category_t category(char32_t c) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

/// A code point whose uppercase or titlecase is several.
struct LongCase {
  char32_t code_point;
  std::string_view upper;
  std::string_view title;
};

constexpr LongCase kLongCases[] = {
#include "runtime/chat/long_cases.inc"
};

const LongCase* long_case(char32_t c) noexcept {
  const auto* found = std::ranges::lower_bound(kLongCases, c, {}, &LongCase::code_point);
  return found == std::end(kLongCases) || found->code_point != c ? nullptr : found;
}

void append_simple(utf8proc_int32_t mapped, std::string* out) {
  append_utf8(static_cast<char32_t>(mapped), out);
}

void append_upper(char32_t c, std::string* out) {
  if (const LongCase* mapping = long_case(c)) {
    *out += mapping->upper;
  } else {
    append_simple(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)), out);
  }
}

void append_title(char32_t c, std::string* out) {
  if (const LongCase* mapping = long_case(c)) {
    *out += mapping->title;
  } else {
    append_simple(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)), out);
  }
}

bool is_cased(char32_t c) noexcept {
  const utf8proc_category_t kind = category(c);
  if (kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
      kind == UTF8PROC_CATEGORY_LT) {
    return true;
  }
  const auto code = static_cast<utf8proc_int32_t>(c);
  return utf8proc_tolower(code) != code || utf8proc_toupper(code) != code;
}

/// What the rule of the final sigma looks past: marks, and punctuation inside words.
bool is_case_ignorable(char32_t c) noexcept {
  constexpr char32_t kMidWord[] = {0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,
                                   0x5F4,  0x2018, 0x2019, 0x2024, 0x2027, 0xFE13,
                                   0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return std::ranges::find(kMidWord, c) != std::end(kMidWord);
  }
}

/// Whether the sigma from `begin` to `end` follows a letter and none follows it.
bool is_final_sigma(std::string_view text, size_t begin, size_t end) noexcept {
  bool follows_letter = false;
  for (size_t i = begin; i > 0;) {
    i = previous_code_point(text, i);
    const char32_t c = decode_at(text, i).value;
    if (is_case_ignorable(c)) continue;
    follows_letter = is_cased(c);
    break;
  }
  if (!follows_letter) return false;
  for (size_t i = end; i < text.size();) {
    const auto [c, bytes] = decode_at(text, i);
    if (!is_case_ignorable(c)) return !is_cased(c);
    i += static_cast<size_t>(bytes);
  }
  return true;
}

/// The lowercase of the code point at byte `i` of `text`; returns its length in bytes.
size_t append_lower(std::string_view text, size_t i, std::string* out) {
  constexpr char32_t kSigma = 0x3A3;
  constexpr char32_t kFinalSigma = 0x3C2;
  constexpr char32_t kDottedI = 0x130;
  const auto [c, bytes] = decode_at(text, i);
  const auto size = static_cast<size_t>(bytes);
  if (c == kSigma && is_final_sigma(text, i, i + size)) {
    append_utf8(kFinalSigma, out);
  } else if (c == kDottedI) {
    *out += "i\xCC\x87";
  } else {
    append_simple(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)), out);
  }
  return size;
}

bool is_one_of(std::string_view chars, std::string_view code_point) noexcept {
  return chars.find(code_point) != std::string_view::npos;
}

/// The bytes to strip at the beginning: 0 for none.
size_t to_strip_at(std::string_view text, std::optional<std::string_view> chars) noexcept {
  if (!chars) return space_at(text, 0);
  const auto size = static_cast<size_t>(decode_at(text, 0).length);
  return is_one_of(*chars, text.substr(0, size)) ? size : 0;
}

size_t to_strip_before(std::string_view text, std::optional<std::string_view> chars) noexcept {
  if (!chars) return space_before(text, text.size());
  const size_t begin = previous_code_point(text, text.size());
  return is_one_of(*chars, text.substr(begin)) ? text.size() - begin : 0;
}

}  // namespace

size_t space_at(std::string_view text, size_t at) noexcept {
  if (at >= text.size()) return 0;
  const auto [c, bytes] = decode_at(text, at);
  return is_space(c) ? static_cast<size_t>(bytes) : 0;
}

size_t space_before(std::string_view text, size_t end) noexcept {
  if (end == 0) return 0;
  const size_t begin = previous_code_point(text, end);
  return space_at(text, begin);
}

std::string_view strip(std::string_view text, Sides sides,
                       std::optional<std::string_view> chars) noexcept {
  while (sides != Sides::kRight && !text.empty()) {
    const size_t bytes = to_strip_at(text, chars);
    if (bytes == 0) break;
    text.remove_prefix(bytes);
  }
  while (sides != Sides::kLeft && !text.empty()) {
    const size_t bytes = to_strip_before(text, chars);
    if (bytes == 0) break;
    text.remove_suffix(bytes);
  }
  return text;
}

size_t length(std::string_view text) noexcept {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

size_t byte_of(std::string_view text, size_t index) noexcept {
  size_t byte = 0;
  for (; index > 0 && byte < text.size(); --index) {
    byte += static_cast<size_t>(decode_at(text, byte).length);
  }
  return byte;
}

std::string upper(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const auto [c, bytes] = decode_at(text, i);
    append_upper(c, &result);
    i += static_cast<size_t>(bytes);
  }
  return result;
}

std::string lower(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) i += append_lower(text, i, &result);
  return result;
}

std::string capitalize(std::string_view text) {
  std::string result;
  if (text.empty()) return result;
  const auto [first, bytes] = decode_at(text, 0);
  append_title(first, &result);
  for (auto i = static_cast<size_t>(bytes); i < text.size();) i += append_lower(text, i, &result);
  return result;
}

std::string title(std::string_view text) {
  std::string result;
  bool in_word = false;
  for (size_t i = 0; i < text.size();) {
    const auto [c, bytes] = decode_at(text, i);
    if (in_word) {
      append_lower(text, i, &result);
    } else {
      append_title(c, &result);
    }
    in_word = is_cased(c);
    i += static_cast<size_t>(bytes);
  }
  return result;
}

std::string title_words(std::string_view text) {
  constexpr std::string_view kWordBegins = "-({[<";
  std::string result;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;  // of the word
    while (end < text.size() && space_at(text, end) == 0 &&
           kWordBegins.find(text[end]) == kWordBegins.npos) {
      end += static_cast<size_t>(decode_at(text, end).length);
    }
    const std::string_view word = text.substr(begin, end - begin);
    if (!word.empty()) {
      const auto [first, bytes] = decode_at(word, 0);
      append_upper(first, &result);
      result += lower(word.substr(static_cast<size_t>(bytes)));
    }
    const size_t separator =
        end < text.size() ? static_cast<size_t>(decode_at(text, end).length) : 0;
    result += text.substr(end, separator);
    begin = end + separator;
  }
  return result;
}

bool is_printable(char32_t code_point) noexcept {
  if (code_point == ' ') return true;
  switch (category(code_point)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::pair<std::string_view, size_t> first_line(std::string_view text) noexcept {
  for (size_t i = 0; i < text.size();) {
    const auto [c, bytes] = decode_at(text, i);
    const auto size = static_cast<size_t>(bytes);
    if (is_line_end(c)) {
      const bool is_pair = text.substr(i).starts_with("\r\n");
      return {text.substr(0, i), is_pair ? 2 : size};
    }
    i += size;
  }
  return {text, 0};
}

}  // namespace lanewise::chat
