#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace lanewise::base {

/// A value as JSON text without white space, its members in the order that they have there.
std::string json_text(const JsonValue& value);

/// Appends `number` in decimal, with digits enough to read the same number again and always with a
/// point or an exponent: 1.0, 0.1, 1e-05. "null" if it is not finite.
void append_json_number(double number, std::string* text);

/// Appends `string` in quotes. JSON must be UTF-8: each part that is not becomes U+FFFD. Returns
/// whether there was none.
bool append_json_string(std::string_view string, std::string* text);

}  // namespace lanewise::base
