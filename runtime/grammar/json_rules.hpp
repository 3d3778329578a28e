#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "runtime/grammar/automaton.hpp"
#include "runtime/grammar/code_point_set.hpp"

namespace lanewise::grammar {

/// The rules of JSON, each made when it is first needed, and the pieces of which grammars of JSON
/// consist. `builder` must outlive it.
class JsonRules {
 public:
  explicit JsonRules(AutomatonBuilder& builder) : builder_(builder) {}

  // Rules: any value of a kind.
  int32_t value();
  int32_t object();
  int32_t array();
  int32_t string();
  int32_t number();
  int32_t integer();
  int32_t boolean();
  int32_t null();

  // Pieces behind a node; each returns the node behind it.

  /// White space, or none. A model could add white space for ever, so there is at most a space, or
  /// a line end and the indentation of the next line.
  int32_t space(int32_t from);
  /// A character of a string in any spelling.
  int32_t any_character(int32_t from);
  /// A character of `set` in its one usual spelling: as itself, or with the shortest escape.
  int32_t character(int32_t from, const CodePointSet& set);
  /// A string in its usual spelling, with quotes.
  int32_t quoted(int32_t from, std::string_view text);
  /// A string in its usual spelling that is none of `texts`.
  int32_t quoted_other(int32_t from, std::span<const std::string> texts);
  /// `, ` or `: ` with its white space.
  int32_t separator(int32_t from, char separator) { return space(builder_.byte(from, separator)); }
  /// White space and a closing bracket.
  int32_t closed(int32_t from, char bracket) { return builder_.byte(space(from), bracket); }

 private:
  template <typename Content>
  int32_t rule(const char* name, const Content& content);
  int32_t pattern_rule(const char* name, std::string_view pattern);
  int32_t escape();

  AutomatonBuilder& builder_;
  std::map<std::string, int32_t, std::less<>> rules_;
};

}  // namespace lanewise::grammar
