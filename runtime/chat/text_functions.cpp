#include "runtime/chat/text_functions.hpp"

#include <limits>
#include <string>
#include <vector>

#include "runtime/chat/limits.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::chat {

Result<Value> stripped(std::string_view text, Sides sides, const Value& chars) {
  if (chars.is_missing() || chars.is_none()) return Value::string(strip(text, sides));
  if (!chars.is_string()) {
    return invalid_argument("the characters to strip are a string, not " + found_text(chars));
  }
  return Value::string(strip(text, sides, chars.text()));
}

Result<Value> replaced(std::string_view text, std::string_view from, std::string_view to,
                       const Value& count, Store& store) {
  const bool has_count = !count.is_missing() && !count.is_none();
  if (has_count && !count.is_integral()) {
    return invalid_argument("a count of replacements is an integer, not " + found_text(count));
  }
  int64_t left =
      has_count && count.integer() >= 0 ? count.integer() : std::numeric_limits<int64_t>::max();
  LW_RETURN_IF_ERROR(store.spend_text(text.size()));
  std::string result;
  size_t kept = 0;  // The text before it is in `result`.
  for (size_t at = 0; left > 0; --left) {
    at = from.empty() ? at : text.find(from, at);
    if (at > text.size()) break;  // or npos
    LW_RETURN_IF_ERROR(store.spend_text(to.size()));
    result.append(text.substr(kept, at - kept)).append(to);
    if (result.size() > kMaxOutputBytes) return resource_exhausted("'replace' makes a long text");
    kept = at + from.size();
    at = kept;
    if (!from.empty()) continue;
    at += at < text.size() ? static_cast<size_t>(text::decode_at(text, at).length) : 1;
  }
  return store.string(result.append(text.substr(kept)));
}

Result<Value> joined(std::string_view separator, std::span<const Value> texts, Store& store) {
  std::vector<std::string_view> pieces;
  LW_RETURN_IF_ERROR(store.spend(texts.size()));
  for (const Value& text : texts) {
    if (!text.is_string()) {
      return invalid_argument("'join' joins strings, not " + found_text(text));
    }
    if (!pieces.empty()) pieces.push_back(separator);
    pieces.push_back(text.text());
  }
  return store.joined(pieces);
}

}  // namespace lanewise::chat
