#pragma once

#include <optional>
#include <string>

#include "converters/quantize/comparison.hpp"
#include "converters/quantize/wide_weights.hpp"

namespace lanewise::converters {

/// The record of the quantisation in a model file (metadata `lanewise.quantization`).
struct QuantizationRecord {
  std::string weights;               ///< int8 or int4
  int64_t group = 0;                 ///< number of inputs that share a scale; 0: all
  std::string calibration;           ///< name of the file of texts, `built-in texts`, or `none`
  WideWeights wide;                  ///< weights stored as `wide_type`
  std::string wide_type = "bf16";    ///< or "int8" in an int4 model
  std::optional<Comparison> result;  ///< with f32, on held-out texts
};

/// One JSON object: weights, group, calibration, wide, and, if there is a result, output, rows,
/// mean_cosine, worst_cosine, relative_error and same_token.
std::string to_json(const QuantizationRecord& record);

}  // namespace lanewise::converters
