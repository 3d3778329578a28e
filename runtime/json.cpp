#include "runtime/json.hpp"

#include <string>

namespace lanewise::internal {
namespace {

constexpr int kMaxDepth = 64;

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Status check_json(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return data_loss("JSON of " + std::to_string(text.size()) + " bytes, at most " +
                     std::to_string(max_bytes) + " are read");
  }
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) {
    return data_loss("not JSON");
  }
  if (nests_too_deep(text)) {
    return data_loss("JSON nests deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  return {};
}

}  // namespace lanewise::internal
