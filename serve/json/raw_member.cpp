#include "serve/json/raw_member.hpp"

#include <cstddef>

namespace lanewise::serve {
namespace {

/// The place after the string that begins at `at`.
size_t after_string(std::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return at + 1;
}

/// The place after the value that begins at `at`, or before it: its end is a comma or bracket of
/// the object around it.
size_t after_value(std::string_view json, size_t at) {
  int depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = after_string(json, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
    if (c == '}' || c == ']') --depth;
    ++at;
  }
  return at;
}

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kJsonSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kJsonSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kJsonSpace) + 1 - begin);
}

}  // namespace

std::string_view raw_member(std::string_view object, std::string_view name) noexcept {
  std::string_view found;
  size_t at = object.find('{');
  while (at < object.size()) {
    const size_t quote = object.find('"', at);
    if (quote == std::string_view::npos) break;
    const size_t end = after_string(object, quote);
    const size_t colon = object.find(':', end);
    if (colon == std::string_view::npos) break;
    const size_t next = after_value(object, colon + 1);
    if (object.substr(quote + 1, end - quote - 2) == name) {
      found = without_space(object.substr(colon + 1, next - colon - 1));
    }
    at = next;
  }
  return found;
}

}  // namespace lanewise::serve
