#include "runtime/text/pattern_json.hpp"

#include <string>

#include "base/status_macros.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {

Result<Regex> read_pattern(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields pattern, fields.object("pattern"));
  if (pattern.find("String")) {
    LW_ASSIGN_OR_RETURN(const std::string text, pattern.string("String"));
    return Regex::literal(text);
  }
  LW_ASSIGN_OR_RETURN(const std::string text, pattern.string("Regex"));
  return Regex::compile(text);
}

Result<char32_t> read_character(const base::JsonFields& fields, const char* key,
                                char32_t fallback) {
  if (!fields.find(key)) return fallback;
  LW_ASSIGN_OR_RETURN(const std::string text, fields.string(key));
  if (!text.empty()) {
    const CodePoint first = decode_at(text, 0);
    if (static_cast<size_t>(first.length) == text.size()) return first.value;
  }
  return data_loss(fields.path(key) + ": expected one character");
}

}  // namespace lanewise::text
