#pragma once

#include <span>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/samples.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Runs `model` on `samples` and collects the inputs of the weights of its linear and recurrent
/// layers: 1024 to 2048 rows, evenly spread, or all if there are fewer. The same samples give the
/// same rows. Rows that are not finite are omitted.
Result<CapturedInputs> capture_inputs(const Model& model, std::span<const Sample> samples,
                                      int threads);

}  // namespace lanewise::converters
