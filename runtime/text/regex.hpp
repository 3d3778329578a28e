#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// A range [begin, end) of a text: a match of a pattern, or the text between two matches.
struct Match {
  size_t begin;
  size_t end;
  bool matched;
};

/// A regular expression over Unicode, or a literal string. Immutable and thread-safe.
class Regex {
 public:
  /// Compiles a pattern of a tokenizer.json. kUnsupported as to_pcre2_syntax(), or if PCRE2 rejects
  /// it.
  static Result<Regex> compile(std::string_view pattern);
  /// Matches `text` literally.
  static Result<Regex> literal(std::string_view text);

  /// Splits `text`, which is UTF-8, into matches and the text between them. Matches may be empty,
  /// the text between them not. kResourceExhausted if a match takes more steps than any sensible
  /// pattern needs.
  Status find_all(std::string_view text, std::vector<Match>* out) const;

 private:
  struct Compiled;
  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace lanewise::text
