#include "serve/http/keys.hpp"

#include <algorithm>

namespace lanewise::serve {
namespace {

/// Looks at every byte of `given`, whatever `key` is. The index walks round the key, whose length
/// counts as a difference of its own.
bool equal_in_constant_time(std::string_view given, std::string_view key) noexcept {
  volatile unsigned difference = given.size() == key.size() ? 0 : 1;
  size_t place = 0;
  for (const char c : given) {
    difference = difference | static_cast<unsigned char>(c ^ key[place]);
    place = place + 1 < key.size() ? place + 1 : 0;
  }
  return difference == 0;
}

bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

}  // namespace

Result<ApiKeys> ApiKeys::parse(std::string_view text) {
  ApiKeys keys;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (!std::ranges::all_of(line, is_visible)) {
      return invalid_argument("line " + std::to_string(number) +
                              ": expected a key of visible ASCII characters");
    }
    keys.keys_.emplace_back(line);
  }
  if (keys.keys_.empty()) return invalid_argument("there is no key");
  return keys;
}

bool ApiKeys::allows(std::string_view authorization) const noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) return false;
  authorization.remove_prefix(kScheme.size());
  bool allowed = false;
  for (const std::string& key : keys_) {
    // No short cut: which of the keys it is must not show.
    allowed = equal_in_constant_time(authorization, key) || allowed;
  }
  return allowed;
}

}  // namespace lanewise::serve
