#pragma once

#include <string>
#include <string_view>

namespace lanewise::grammar {

/// The regular expression of a `format` of JSON Schema, for the whole text; "" if it is unknown.
/// Dates exist: 02-29 only in leap years.
std::string pattern_of_format(std::string_view format);

}  // namespace lanewise::grammar
