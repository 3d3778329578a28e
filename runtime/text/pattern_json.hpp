#pragma once

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/regex.hpp"

namespace lanewise::text {

/// The field `pattern`: {"String": ...} or {"Regex": ...}.
Result<Regex> read_pattern(const base::JsonFields& fields);

/// A field that holds one character.
Result<char32_t> read_character(const base::JsonFields& fields, const char* key, char32_t fallback);

}  // namespace lanewise::text
