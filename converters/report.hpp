#pragma once

#include <functional>
#include <string_view>

namespace lanewise::converters {

/// Receives one line that a person should know; never empty.
using Report = std::function<void(std::string_view)>;

}  // namespace lanewise::converters
