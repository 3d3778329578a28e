#include "cli/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

namespace lanewise::cli {

void append_json_string(std::string& json, std::string_view text) {
  json += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_float(std::string& text, float value) {
  std::array<char, 32> digits;  // The longest is 16 characters, -1.17549435e-38.
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text.append(digits.data(), end);
}

void append_json_float(std::string& json, float value) {
  if (std::isfinite(value)) {
    append_float(json, value);
  } else {
    json += "null";
  }
}

void append_json_floats(std::string& json, std::span<const float> values) {
  json += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) json += ", ";
    append_json_float(json, values[i]);
  }
  json += ']';
}

void append_json_integers(std::string& json, std::span<const int8_t> values) {
  json += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) json += ", ";
    json += std::to_string(values[i]);
  }
  json += ']';
}

}  // namespace lanewise::cli
