#pragma once

#include <string>

#include "base/json.hpp"

namespace lanewise::base {

/// A value as JSON text without white space, its members in the order that they have there: equal
/// to editable(value).dump() if they are sorted. Builds no tree.
std::string json_text(const JsonValue& value);

}  // namespace lanewise::base
