#pragma once

#include <string>

#include "converters/config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The operator's name for Transformers' name of an activation in `field` of `config`
/// (`gelu_new` is `gelu_tanh`). kUnsupported lists the known ones.
Result<std::string> activation_name(const Config& config, const std::string& field,
                                    std::string_view fallback);
/// The same for a name that is a part of the field.
Result<std::string> activation_of(const Config& config, const std::string& field,
                                  std::string_view name);

}  // namespace lanewise::converters
