#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lanewise::cli {

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& json, std::string_view text);

/// Appends `[a, b, ...]`: each the shortest decimal that reads back as the same float. JSON has no
/// infinities and no NaN; they become null.
void append_json_floats(std::string& json, std::span<const float> values);

/// Appends `[a, b, ...]`.
void append_json_integers(std::string& json, std::span<const int8_t> values);

/// Appends a number as append_json_floats() does.
void append_json_float(std::string& json, float value);

/// Appends the shortest decimal that reads back as the same float.
void append_float(std::string& text, float value);

}  // namespace lanewise::cli
