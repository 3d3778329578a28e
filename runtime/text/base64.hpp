#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// Decodes `base64`. kDataLoss with `name` in the message if it is not base64.
Result<std::string> decode_base64(std::string_view base64, std::string_view name);

std::string encode_base64(std::string_view bytes);

}  // namespace lanewise::text
