#pragma once

#include <functional>
#include <string_view>

namespace lanewise::converters {

/// Receives a message of one line for the user; never empty.
using Report = std::function<void(std::string_view)>;

}  // namespace lanewise::converters
