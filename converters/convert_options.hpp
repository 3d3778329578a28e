#pragma once

#include "lanewise/convert.hpp"
#include "lanewise/status.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::converters {

/// ConvertOptions::weights that keeps weights as they are stored.
inline constexpr std::string_view kKeep = "keep";

/// The format that `weights` and `group` select; if they do not say, or to keep weights, f32.
Result<ops::WeightFormat> parse_weights(const ConvertOptions& options);

/// The same for a model for `task` (ModelInfo), which may have a format of its own.
Result<ops::WeightFormat> weights_for(const ConvertOptions& options, std::string_view task);

/// Fails with kInvalidArgument or kUnsupported for options that contradict each other or that nothing
/// has.
Status check_options(const ConvertOptions& options);

}  // namespace lanewise::converters
