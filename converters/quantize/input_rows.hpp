#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ops/weights/weight_format.hpp"

namespace lanewise::converters {

/// Rows that a weight [n, k] multiplied when the model ran. All finite.
struct InputRows {
  int64_t rows = 0;
  int64_t k = 0;
  std::vector<float> x;  ///< [rows, k]
};

/// By `<node>.<role>` of the weight.
using CapturedInputs = std::map<std::string, InputRows, std::less<>>;

/// Rows after the rounding of the kernels for such weights: each in 255 steps of its range
/// (ops/weights/quantize_row.hpp), or, with ops::kDecoderInt4, each 32 inputs in 254 steps around
/// zero.
InputRows rounded_rows(const InputRows& x, ops::WeightFormat weights);

/// Each row divided by its root mean square, because the error of a row matters relative to its
/// size, and a few large rows would otherwise dominate. Kernels round a row the same way at any
/// size.
InputRows normalized_rows(const InputRows& x);

/// x[r, j] * scale[j]
InputRows scaled_rows(const InputRows& x, const std::vector<float>& scale);

/// mean_r x[r, j]^2, for every j
std::vector<float> mean_squares(const InputRows& x);

}  // namespace lanewise::converters
