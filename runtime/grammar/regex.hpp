#pragma once

#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/grammar/automaton.hpp"
#include "runtime/grammar/expression.hpp"

namespace lanewise::grammar {

/// Which texts a regular expression describes.
enum class RegexUse {
  kWholeText,  ///< those that match from their first to their last character
  kAnyPart,    ///< those that contain a match, as `pattern` of a JSON schema
};

/// Parses a regular expression in the syntax that Python and JavaScript share: characters, `.`,
/// classes, `\d \w \s` and their opposites (ASCII), groups, `|`, `? * +`, `{m,n}`, and `^` and `$`
/// at the ends. `.` is any character but a line feed; for kAnyPart, but any line end.
///
/// Fails with kInvalidArgument for a syntax error and with kUnsupported for anything else that has
/// a meaning in regular expressions; the message names it and the byte where it stands, from 1.
Result<Expressions::Id> parse_regex(std::string_view pattern, RegexUse use, Expressions& into);

/// The automaton of all texts that match `pattern` as a whole. Also fails as build() does.
Result<Automaton> regex_automaton(std::string_view pattern);

}  // namespace lanewise::grammar
