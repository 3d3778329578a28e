#include "runtime/chat/lexer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/chat/literals.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {
namespace {

std::string at_line(int line, std::string_view message) {
  return "line " + std::to_string(line) + " of the template: " + std::string(message);
}

/// The longest first.
constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

bool is_name_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Lexer {
 public:
  Lexer(std::string_view source, std::deque<std::string>* strings)
      : source_(source), strings_(strings) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) LW_RETURN_IF_ERROR(text_and_tag());
    add(TokenType::kEnd, 0);
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const noexcept { return source_.substr(at_); }
  bool starts_with(std::string_view text) const noexcept { return rest().starts_with(text); }

  void advance(size_t bytes) {
    line_ += static_cast<int>(std::ranges::count(source_.substr(at_, bytes), '\n'));
    at_ += bytes;
  }
  void skip_space() {
    size_t end = at_;
    while (const size_t bytes = space_at(source_, end)) end += bytes;
    advance(end - at_);
  }
  void add(TokenType type, size_t bytes) {
    tokens_.push_back({type, line_, source_.substr(at_, bytes)});
    advance(bytes);
  }

  /// The next {{, {% or {#; the end of the source if there is none.
  size_t next_tag() const noexcept {
    for (size_t i = source_.find('{', at_); i < source_.size(); i = source_.find('{', i + 1)) {
      const char kind = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (kind == '{' || kind == '%' || kind == '#') return i;
    }
    return source_.size();
  }

  /// The sign after the two characters of a tag, 0 if there is none.
  char sign_at(size_t tag) const noexcept {
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    return sign == '-' || sign == '+' ? sign : '\0';
  }

  /// The text up to `end`, where a tag begins, as the tag leaves it.
  void add_text(size_t end, char sign, bool strips_line) {
    std::string_view text = source_.substr(at_, end - at_);
    if (sign == '-') {
      text = strip(text, Sides::kRight);
    } else if (sign != '+' && strips_line) {
      const bool starts_line = at_ == 0 || source_[at_ - 1] == '\n';
      const size_t line = text.rfind('\n') + 1;  // npos + 1 is 0.
      const std::string_view indent = text.substr(line);
      if ((line > 0 || starts_line) && strip(indent, Sides::kLeft).empty()) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) tokens_.push_back({TokenType::kText, line_, text});
    advance(end - at_);
  }

  Status text_and_tag() {
    const size_t tag = next_tag();
    if (tag == source_.size()) {
      add(TokenType::kText, source_.size() - at_);
      return {};
    }
    const char kind = source_[tag + 1];
    const char sign = sign_at(tag);
    add_text(tag, sign, kind != '{');
    const size_t size = sign == '\0' ? 2 : 3;
    if (kind == '#') return comment(size);
    if (const size_t raw = raw_length(size)) return raw_text(raw);
    add(kind == '{' ? TokenType::kOutputBegin : TokenType::kBlockBegin, size);
    return expression(kind == '{' ? TokenType::kOutputEnd : TokenType::kBlockEnd);
  }

  /// The length of the end of a tag that ends with `mark` at byte `at`: a sign, the mark, and the
  /// white space that goes with it. 0 if there is none.
  size_t end_length(size_t at, std::string_view mark, bool is_output) const noexcept {
    const char sign = at < source_.size() ? source_[at] : '\0';
    const bool has_sign = sign == '-' || (sign == '+' && !is_output);
    size_t end = at + (has_sign ? 1 : 0);
    if (!source_.substr(std::min(end, source_.size())).starts_with(mark)) return 0;
    end += mark.size();
    if (sign == '-') {
      while (const size_t bytes = space_at(source_, end)) end += bytes;
    } else if (sign != '+' && !is_output && source_.substr(end).starts_with('\n')) {
      ++end;
    }
    return end - at;
  }

  Status comment(size_t begin_length) {
    const int line = line_;
    advance(begin_length);
    if (at_ == source_.size()) return {};  // Jinja does not mind.
    size_t end = source_.find("#}", at_);
    if (end == source_.npos) return syntax_error(line, "a comment has no end");
    if (end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+')) --end;
    advance(end - at_);
    advance(end_length(at_, "#}", false));
    return {};
  }

  /// The length of {% raw %} here, 0 if it is another tag. `size` is that of its beginning.
  size_t raw_length(size_t size) const noexcept {
    size_t end = word_end(at_ + size, "raw");
    if (!starts_with("{%") || end == 0) return 0;
    if (source_.substr(end).starts_with("%}")) return end + 2 - at_;  // Keeps the line's end.
    return source_.substr(end).starts_with("-%}") ? end + end_length(end, "%}", false) - at_ : 0;
  }

  /// Behind `word` and the white space around it, 0 if it does not stand at `at`.
  size_t word_end(size_t at, std::string_view word) const noexcept {
    while (const size_t bytes = space_at(source_, at)) at += bytes;
    if (at > source_.size() || !source_.substr(at).starts_with(word)) return 0;
    at += word.size();
    while (const size_t bytes = space_at(source_, at)) at += bytes;
    return at;
  }

  Status raw_text(size_t begin_length) {
    const int line = line_;
    advance(begin_length);
    if (at_ == source_.size()) return {};
    for (size_t tag = source_.find("{%", at_); tag != source_.npos;
         tag = source_.find("{%", tag + 1)) {
      const char sign = sign_at(tag);
      const size_t end = word_end(tag + (sign == '\0' ? 2 : 3), "endraw");
      const size_t length = end == 0 ? 0 : end_length(end, "%}", false);
      if (length == 0) continue;
      add_text(tag, sign, true);
      advance(end + length - at_);
      return {};
    }
    return syntax_error(line, "'raw' has no 'endraw'");
  }

  /// The tokens of a tag, to its end.
  Status expression(TokenType end) {
    const bool is_output = end == TokenType::kOutputEnd;
    std::string open;  // brackets
    while (at_ < source_.size()) {
      const size_t length = open.empty() ? end_length(at_, is_output ? "}}" : "%}", is_output) : 0;
      if (length > 0) {
        add(end, length);
        return {};
      }
      LW_RETURN_IF_ERROR(expression_token(&open));
    }
    return {};  // The parser misses the end.
  }

  Status expression_token(std::string* open) {
    if (space_at(source_, at_) > 0) {
      skip_space();
      return {};
    }
    const char c = source_[at_];
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (const size_t length = number_length(rest(), after_dot)) return number(length);
    if (is_name_byte(c)) return name();
    if (c == '"' || c == '\'') return string();
    return operation(open);
  }

  Status number(size_t length) {
    LW_ASSIGN_OR_RETURN(const Token token, number_token(source_.substr(at_, length), line_));
    tokens_.push_back(token);
    advance(length);
    return {};
  }

  Status name() {
    size_t length = 1;
    while (at_ + length < source_.size() && is_name_byte(source_[at_ + length])) ++length;
    add(TokenType::kName, length);
    return {};
  }

  Status string() {
    const size_t length = string_length(rest());
    if (length == 0) return syntax_error(line_, "a string has no end");
    const std::string_view text = source_.substr(at_ + 1, length - 2);
    Token token{TokenType::kString, line_, text};
    if (text.find('\\') != text.npos) {
      LW_ASSIGN_OR_RETURN(std::string plain, unescaped(text, line_));
      token.text = strings_->emplace_back(std::move(plain));
    }
    tokens_.push_back(token);
    advance(length);
    return {};
  }

  Status operation(std::string* open) {
    for (const std::string_view op : kOperators) {
      if (!starts_with(op)) continue;
      LW_RETURN_IF_ERROR(balance(op[0], open));
      add(TokenType::kOperator, op.size());
      return {};
    }
    const auto size = static_cast<size_t>(text::decode_at(source_, at_).length);
    return syntax_error(line_, "unexpected " + base::in_quotes(source_.substr(at_, size)));
  }

  Status balance(char c, std::string* open) const {
    constexpr std::string_view kOpening = "([{";
    constexpr std::string_view kClosing = ")]}";
    if (kOpening.find(c) != kOpening.npos) *open += kClosing[kOpening.find(c)];
    if (kClosing.find(c) == kClosing.npos) return {};
    if (open->empty() || open->back() != c) {
      return syntax_error(line_, "unexpected " + base::in_quotes(std::string_view(&c, 1)));
    }
    open->pop_back();
    return {};
  }

  std::string_view source_;
  std::deque<std::string>* strings_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::string with_plain_line_ends(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      result += text[i];
    } else {
      result += '\n';
      if (text.substr(i + 1).starts_with('\n')) ++i;
    }
  }
  if (result.ends_with('\n')) result.pop_back();
  return result;
}

Result<std::vector<Token>> tokens_of(std::string_view source, std::deque<std::string>* strings) {
  return Lexer(source, strings).run();
}

Status syntax_error(int line, std::string_view message) {
  return invalid_argument(at_line(line, message));
}

Status unsupported_syntax(int line, std::string_view message) {
  return unsupported(at_line(line, message) + std::string(" is not supported"));
}

}  // namespace lanewise::chat
