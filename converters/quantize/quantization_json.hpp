#pragma once

#include <optional>
#include <string>

#include "converters/quantize/comparison.hpp"
#include "converters/quantize/wide_weights.hpp"

namespace lanewise::converters {

/// What a model file says of its integers (metadata `lanewise.quantization`).
struct QuantizationRecord {
  std::string weights;               ///< int8 or int4
  int64_t group = 0;                 ///< inputs that share a scale; 0: all
  std::string calibration;           ///< name of the file of texts, `built-in texts`, or `none`
  WideWeights wide;                  ///< what is stored as `wide_type`
  std::string wide_type = "bf16";    ///< or "int8" in a model of int4
  std::optional<Comparison> result;  ///< to f32, on texts that were held out
};

/// One JSON object: weights, group, calibration, wide, and where there is a result output, rows,
/// mean_cosine, worst_cosine, relative_error and same_token.
std::string to_json(const QuantizationRecord& record);

}  // namespace lanewise::converters
