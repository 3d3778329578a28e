#pragma once

#include <cstdint>
#include <vector>

namespace lanewise::converters {

/// Element types that weights of products can be stored as.
enum class WeightType { kF32, kBF16, kI8, kI4 };

/// A weight [n, k] as integers, row-major, before it is cut into panels.
///
///   int8   w[i, j] = scales[i] * values[i * k + j],  values in [-127, 127], group = k
///   int4   w[i, j] = scales[g] * values[i * k + j] + minimums[g],  values in [0, 15]
///
/// where g = i * groups + j / group and groups = ceil(k / group). Without minimums they are
/// -8 * scales: symmetric around 8. With `input_scale` the matrix is that of w[i, j] /
/// input_scale[j], and what multiplies it is x[j] * input_scale[j].
struct QuantizedMatrix {
  WeightType type = WeightType::kI8;
  int64_t n = 0;
  int64_t k = 0;
  int64_t group = 0;               ///< inputs that share a scale: k, or 32, 64 or 128
  std::vector<int8_t> values;      ///< [n, k]
  std::vector<float> scales;       ///< [n, groups]
  std::vector<float> minimums;     ///< [n, groups], or empty
  std::vector<float> input_scale;  ///< [k], or empty: ones
};

}  // namespace lanewise::converters
