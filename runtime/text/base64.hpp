#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// The bytes that `base64` stands for; kDataLoss naming `name` if it is not base64.
Result<std::string> decode_base64(std::string_view base64, std::string_view name);

std::string encode_base64(std::string_view bytes);

}  // namespace lanewise::text
