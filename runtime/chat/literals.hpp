#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/chat/lexer.hpp"

namespace lanewise::chat {

/// The length of the number that `text` begins with, 0 if it begins with none.
///
/// after_dot  whether a dot stands before it, so that `a.1.2` is no 1.2
size_t number_length(std::string_view text, bool after_dot) noexcept;

/// The token of a number that number_length found.
Result<Token> number_token(std::string_view text, int line);

/// The length of the string with its quotes that `text` begins with, 0 if it has no end.
size_t string_length(std::string_view text) noexcept;

/// The text between the quotes without its escapes, which are those of Python.
Result<std::string> unescaped(std::string_view text, int line);

}  // namespace lanewise::chat
