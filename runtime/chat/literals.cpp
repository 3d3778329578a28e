#include "runtime/chat/literals.hpp"

#include <charconv>
#include <cmath>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The value of a digit, 99 if it is none.
int digit_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/// The length of digits with single underscores between them; `_7` too if `leading` allows it.
size_t digits_length(std::string_view text, int base, bool leading) noexcept {
  size_t length = 0;
  for (;;) {
    const size_t digit =
        length + ((leading || length > 0) && text.substr(length).starts_with('_') ? 1 : 0);
    if (digit >= text.size() || digit_value(text[digit]) >= base) return length;
    length = digit + 1;
  }
}

/// 2, 8 or 16 for 0b, 0o and 0x; 10 for anything else.
int base_of(std::string_view text) noexcept {
  if (text.size() < 2 || text[0] != '0') return 10;
  switch (text[1] | 0x20) {
    case 'b':
      return 2;
    case 'o':
      return 8;
    case 'x':
      return 16;
    default:
      return 10;
  }
}

size_t exponent_length(std::string_view text) noexcept {
  if (text.empty() || (text[0] | 0x20) != 'e') return 0;
  const size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
  const size_t digits = digits_length(text.substr(1 + sign), 10, false);
  return digits == 0 ? 0 : 1 + sign + digits;
}

/// The length of a number with a fraction or an exponent, 0 if there is neither.
size_t float_length(std::string_view text) noexcept {
  const size_t whole = digits_length(text, 10, false);
  if (whole == 0) return 0;
  size_t length = whole;
  if (text.substr(length).starts_with('.')) {
    const size_t fraction = digits_length(text.substr(length + 1), 10, false);
    if (fraction > 0) length += 1 + fraction;
  }
  length += exponent_length(text.substr(length));
  return length == whole ? 0 : length;
}

size_t integer_length(std::string_view text) noexcept {
  const int base = base_of(text);
  if (base != 10) {
    const size_t digits = digits_length(text.substr(2), base, true);
    if (digits > 0) return 2 + digits;
  }
  if (!text.starts_with('0')) return digits_length(text, 10, false);
  size_t length = 1;  // 007 is 00 and 7, which is an error.
  while (length < text.size() && text[length] == '0') ++length;
  return length;
}

std::string without_underscores(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '_') result += c;
  }
  return result;
}

/// Reads one escape after its backslash.
class EscapeReader {
 public:
  EscapeReader(std::string_view text, int line) : text_(text), line_(line) {}

  Result<std::string> all() {
    while (at_ < text_.size()) {
      if (text_[at_] != '\\' || at_ + 1 == text_.size()) {
        result_ += text_[at_++];
        continue;
      }
      const char letter = text_[at_ + 1];
      at_ += 2;
      LW_RETURN_IF_ERROR(escape(letter));
    }
    return std::move(result_);
  }

 private:
  Status escape(char letter) {
    constexpr std::string_view kLetters = "abfnrtv\\'\"";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    const size_t place = kLetters.find(letter);
    if (place != kLetters.npos) {
      result_ += kMeanings[place];
    } else if (letter >= '0' && letter <= '7') {
      --at_;
      return code_point(8, 1, 3);
    } else if (letter == 'x') {
      return code_point(16, 2, 2);
    } else if (letter == 'u') {
      return code_point(16, 4, 4);
    } else if (letter == 'U') {
      return code_point(16, 8, 8);
    } else if (letter == 'N') {
      return unsupported_syntax(line_, "the escape \\N in a string");
    } else if (letter != '\n') {
      result_ += '\\';
      result_ += letter;
    }
    return {};
  }

  Status code_point(int base, int least, int most) {
    char32_t value = 0;
    int digits = 0;
    while (digits < most && at_ < text_.size() && digit_value(text_[at_]) < base) {
      value =
          value * static_cast<char32_t>(base) + static_cast<char32_t>(digit_value(text_[at_++]));
      ++digits;
    }
    const bool is_surrogate = value >= 0xD800 && value < 0xE000;
    if (digits < least || value > 0x10FFFF || is_surrogate) {
      return syntax_error(line_, "a string has an escape that is no character");
    }
    text::append_utf8(value, &result_);
    return {};
  }

  std::string_view text_;
  int line_;
  size_t at_ = 0;
  std::string result_;
};

}  // namespace

size_t number_length(std::string_view text, bool after_dot) noexcept {
  if (text.empty() || !is_digit(text[0])) return 0;
  const size_t with_fraction = after_dot ? 0 : float_length(text);
  return with_fraction > 0 ? with_fraction : integer_length(text);
}

Result<Token> number_token(std::string_view text, int line) {
  const bool is_float = float_length(text) == text.size();
  Token token{is_float ? Token::Type::kFloat : Token::Type::kInteger, line, text};
  std::string digits = without_underscores(text);
  const int base = base_of(digits);
  if (base != 10) digits.erase(0, 2);
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const std::errc error = is_float ? std::from_chars(begin, end, token.real).ec
                                   : std::from_chars(begin, end, token.integer, base).ec;
  if (error != std::errc()) {
    return unsupported_syntax(line, "the number " + base::in_quotes(text) + " of this size");
  }
  return token;
}

size_t string_length(std::string_view text) noexcept {
  const char quote = text[0];
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    }
  }
  return 0;
}

Result<std::string> unescaped(std::string_view text, int line) {
  return EscapeReader(text, line).all();
}

}  // namespace lanewise::chat
