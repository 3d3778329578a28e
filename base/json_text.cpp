#include "base/json_text.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace lanewise::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Recursion ends with the depth that parsing allows.
void append(const JsonValue& value, std::string* text) {
  const char* separator = "";
  switch (value.type()) {
    case JsonValue::Type::kNull:
      *text += "null";
      break;
    case JsonValue::Type::kBoolean:
      *text += value.boolean() ? "true" : "false";
      break;
    case JsonValue::Type::kInteger:
      *text += std::to_string(*value.integer());
      break;
    case JsonValue::Type::kUnsigned:
      *text += std::to_string(*value.natural());
      break;
    case JsonValue::Type::kFloat:
      append_json_number(value.number(), text);
      break;
    case JsonValue::Type::kString:
      append_json_string(value.string(), text);
      break;
    case JsonValue::Type::kArray:
      *text += '[';
      for (const JsonValue& element : value.elements()) {
        *text += std::exchange(separator, ",");
        append(element, text);
      }
      *text += ']';
      break;
    case JsonValue::Type::kObject:
      *text += '{';
      for (const auto& [name, member] : value.members()) {
        *text += std::exchange(separator, ",");
        append_json_string(name, text);
        *text += ':';
        append(member, text);
      }
      *text += '}';
      break;
  }
}

/// The number of characters at the front of `string` that are themselves in JSON.
size_t plain_prefix(std::string_view string) {
  const auto is_plain = [](char c) {
    return static_cast<uint8_t>(c) < 0x80 && static_cast<uint8_t>(c) >= 0x20 && c != '"' &&
           c != '\\';
  };
  return static_cast<size_t>(std::ranges::find_if_not(string, is_plain) - string.begin());
}

/// What a character below 128 is in a string: itself, or an escape.
void append_ascii(char character, std::string* text) {
  constexpr std::string_view kShort = "\b\f\n\r\t\"\\";
  constexpr std::string_view kLetters = "bfnrt\"\\";
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto code = static_cast<uint8_t>(character);
  if (const size_t place = kShort.find(character); place != kShort.npos) {
    text->append("\\").push_back(kLetters[place]);
  } else if (code < 0x20) {
    text->append("\\u00");
    text->push_back(kHex[code >> 4]);
    text->push_back(kHex[code & 15]);
  } else {
    text->push_back(character);
  }
}

/// A lead byte and what may follow it: `more` bytes, the first of them from `low` to `high` and the
/// others from 0x80 to 0xBF (table 3-7 of the Unicode standard).
struct Lead {
  uint8_t first;
  uint8_t last;
  uint8_t more;
  uint8_t low;
  uint8_t high;
};
constexpr Lead kLeads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF},
    {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

/// The bytes of the character beyond ASCII that `rest` begins with; or, not being one, how many
/// bytes could have begun one, at least 1: one replacement stands for them.
struct Sequence {
  size_t length;
  bool valid;
};
Sequence sequence_at(std::string_view rest) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(rest[i]); };
  for (const Lead& lead : kLeads) {
    if (byte(0) < lead.first || byte(0) > lead.last) continue;
    for (size_t i = 1; i <= lead.more; ++i) {
      const uint8_t low = i == 1 ? lead.low : 0x80;
      const uint8_t high = i == 1 ? lead.high : 0xBF;
      if (i == rest.size() || byte(i) < low || byte(i) > high) return {i, false};
    }
    return {size_t{1} + lead.more, true};
  }
  return {1, false};
}

}  // namespace

std::string json_text(const JsonValue& value) {
  std::string text;
  append(value, &text);
  return text;
}

void append_json_number(double number, std::string* text) {
  // Files have had nlohmann-json's digits from the beginning. Now and then they are not the
  // shortest or nearest ones, which std::to_chars() writes. A number has no memory of its own.
  *text += nlohmann::json(number).dump();
}

bool append_json_string(std::string_view string, std::string* text) {
  bool valid = true;
  *text += '"';
  while (!string.empty()) {
    size_t length = plain_prefix(string);
    if (length > 0) {
      text->append(string.substr(0, length));
    } else if (static_cast<uint8_t>(string.front()) < 0x80) {
      length = 1;
      append_ascii(string.front(), text);
    } else {
      const Sequence sequence = sequence_at(string);
      length = sequence.length;
      text->append(sequence.valid ? string.substr(0, length) : kReplacement);
      valid = valid && sequence.valid;
    }
    string.remove_prefix(length);
  }
  *text += '"';
  return valid;
}

}  // namespace lanewise::base
