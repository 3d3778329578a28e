#include "base/json_text.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace lanewise::base {
namespace {

// The parser's limit on depth bounds the recursion.
void append(const JsonValue& value, std::string* text) {
  const char* separator = "";
  if (value.is_array()) {
    *text += '[';
    for (const JsonValue& element : value.elements()) {
      *text += std::exchange(separator, ",");
      append(element, text);
    }
    *text += ']';
  } else if (value.is_object()) {
    *text += '{';
    for (const auto& [name, member] : value.members()) {
      text->append(std::exchange(separator, ",")).append(nlohmann::json(name).dump()).append(":");
      append(member, text);
    }
    *text += '}';
  } else {
    *text += editable(value).dump();
  }
}

}  // namespace

std::string json_text(const JsonValue& value) {
  std::string text;
  append(value, &text);
  return text;
}

}  // namespace lanewise::base
