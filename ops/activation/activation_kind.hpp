#pragma once

#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::ops {

/// The elementwise functions, alone (operator `activation`) or as the epilogue of `linear`.
enum class Activation { kNone, kRelu, kGeluErf, kGeluTanh, kSilu, kTanh };

/// By its name in graphs: none, relu, gelu (the erf form), gelu_tanh, silu, tanh. Fails with
/// kUnsupported, listing the known names.
Result<Activation> parse_activation(std::string_view name);

}  // namespace lanewise::ops
