#pragma once

#include <string>

#include "converters/config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Converts Transformers' name of an activation in `field` of `config` to that of the operator
/// (`gelu_new` is `gelu_tanh`). Fails with kUnsupported, and the message lists the known ones.
Result<std::string> activation_name(const Config& config, const std::string& field,
                                    std::string_view fallback);
/// The same for a name that is part of the field.
Result<std::string> activation_of(const Config& config, const std::string& field,
                                  std::string_view name);

}  // namespace lanewise::converters
