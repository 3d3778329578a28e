#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::chat {

struct Token {
  enum class Type : uint8_t {
    kText,         ///< outside of tags, white space removed as they demand
    kOutputBegin,  ///< {{
    kOutputEnd,
    kBlockBegin,  ///< {%
    kBlockEnd,
    kName,
    kString,  ///< without quotes and escapes
    kInteger,
    kFloat,
    kOperator,
    kEnd,  ///< of the template
  };

  Type type;
  int line;
  std::string_view text;
  int64_t integer = 0;
  double real = 0;

  bool is(Type t) const noexcept { return type == t; }
  bool is_name(std::string_view name) const noexcept { return is(Type::kName) && text == name; }
  bool is_operator(std::string_view op) const noexcept { return is(Type::kOperator) && text == op; }
};

using TokenType = Token::Type;

/// A template with the line ends that Jinja gives it: '\n', and none at the end.
std::string with_plain_line_ends(std::string_view text);

/// Splits a template into tokens as Jinja does with trim_blocks and lstrip_blocks. The last token is
/// kEnd.
///
/// source   from with_plain_line_ends; outlives the tokens
/// strings  receives texts that the source does not contain as they are; outlives the tokens
Result<std::vector<Token>> tokens_of(std::string_view source, std::deque<std::string>* strings);

/// "line 3 of the template: `message`", as all errors of templates are.
Status syntax_error(int line, std::string_view message);
/// The same of what Jinja knows and this does not: kUnsupported.
Status unsupported_syntax(int line, std::string_view message);

}  // namespace lanewise::chat
