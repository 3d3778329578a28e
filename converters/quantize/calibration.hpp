#pragma once

#include <string>
#include <vector>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/samples.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What a model of f32 tells about how it is used.
struct Calibration {
  CapturedInputs inputs;
  std::vector<Sample> held_out;  ///< not part of `inputs`, so that what they measure is no praise
};

/// Runs `model` on the texts of the file `path`, or on built-in ones where it is empty. Every
/// fourth text is held out; of fewer than 8 all serve for both. Nothing for a model without a
/// tokenizer.
Result<Calibration> calibrate(const Model& model, const std::string& path, int threads);

}  // namespace lanewise::converters
