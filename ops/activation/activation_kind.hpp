#pragma once

#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::ops {

/// The elementwise functions, alone (operator `activation`) or as the epilogue of `linear`.
enum class Activation {
#define LW_ACTIVATION(kind, name, function) kind,
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
};

/// Returns the function with that name in graphs. Fails with kUnsupported, listing the known names.
Result<Activation> parse_activation(std::string_view name);

}  // namespace lanewise::ops
