#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// A stretch [begin, end) of a text that a pattern matched, or that stands between its matches.
struct Match {
  size_t begin;
  size_t end;
  bool matched;
};

/// A regular expression over Unicode, or a plain string. Immutable and thread-safe.
class Regex {
 public:
  /// A pattern as tokenizer.json has it. kUnsupported as to_pcre2_syntax(), or where PCRE2 refuses
  /// it.
  static Result<Regex> compile(std::string_view pattern);
  /// Finds `text` itself.
  static Result<Regex> literal(std::string_view text);

  /// Cuts `text` into matches and what is between them, which may not be empty; matches may. The
  /// text is UTF-8. kResourceExhausted if a match takes more steps than any sensible pattern needs.
  Status find_all(std::string_view text, std::vector<Match>* out) const;

 private:
  struct Compiled;
  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace lanewise::text
