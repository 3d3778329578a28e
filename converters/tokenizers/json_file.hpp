#pragma once

#include <string_view>

#include "base/json.hpp"

namespace lanewise::converters {

/// A JSON file beside a tokenizer, or a tokenizer.json of our own making. kDataLoss, naming it, if
/// it is not JSON.
Result<base::JsonDocument> parse_file(std::string_view text, std::string_view name);

}  // namespace lanewise::converters
