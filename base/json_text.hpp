#pragma once

#include <string>

#include "base/json.hpp"

namespace lanewise::base {

/// A value as JSON text without white space, equal to editable(value).dump(). Builds no tree.
std::string json_text(const JsonValue& value);

}  // namespace lanewise::base
