#pragma once

#include <string>
#include <vector>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/samples.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The result of running an f32 model on calibration texts.
struct Calibration {
  CapturedInputs inputs;
  std::vector<Sample> held_out;  ///< not in `inputs`, so that they measure the error without bias
};

/// Runs `model` on the texts of the file `path`, or on built-in ones if it is empty. Every fourth
/// text is held out; if there are fewer than 8, all serve both purposes. Returns nothing for a
/// model without a tokenizer.
Result<Calibration> calibrate(const Model& model, const std::string& path, int threads);

}  // namespace lanewise::converters
