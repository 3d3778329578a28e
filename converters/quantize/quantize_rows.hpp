#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "converters/quantize/quantized_matrix.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Fails with kInvalidArgument, naming `name` and the first such element, if w [n, k] has an
/// infinity or NaN, which no scale can represent, or a value beyond 1e37, whose scale would
/// overflow. The functions below require weights that pass this check.
Status check_finite(const std::string& name, std::span<const float> w, int64_t k);

/// Returns the int8 scale for the k weights of one output that minimises
///
///   sum_j importance[j] * (w[j] - scale * clamp(round(w[j] / scale), -127, 127))^2
///
/// among max|w| / 127 and smaller ones: clipping the few largest weights can cost less than
/// rounding all others coarsely. 0 if all weights are (almost) zero.
float int8_scale(const float* w, const float* importance, int64_t k);

/// The meaning of int4 values: w = scale * value + minimum.
struct Int4Scale {
  float scale = 0.0F;
  float minimum = 0.0F;
};

/// Whether groups of int4 values have a minimum, or are symmetric around 8.
enum class Minimums { kNone, kStored };

/// The same for the int4 values of one group of `size` weights, at most kMaxInt4Group. Tries
/// several ranges and fits a line to the values that each of them gives. Never worse than min and
/// max.
Int4Scale int4_scale(const float* w, const float* importance, int64_t size, Minimums minimums);
inline constexpr int64_t kMaxInt4Group = 128;

/// The integer that represents w.
int8_t int8_value(float w, float scale);
int8_t int4_value(float w, Int4Scale scale);

/// Quantises w [n, k] to int8 with one scale per row.
///
/// importance  [k], >= 0: the importance of errors in the weights of each input, which is the mean
///             square of that input if known. Empty: all equal.
QuantizedMatrix quantize_int8(std::span<const float> w, int64_t n, int64_t k,
                              std::span<const float> importance = {});

/// Quantises w [n, k] to int4 with one scale per `group` of 32, 64 or 128 inputs; the last group of
/// a row may be shorter.
QuantizedMatrix quantize_int4(std::span<const float> w, int64_t n, int64_t k, int64_t group,
                              Minimums minimums = Minimums::kStored,
                              std::span<const float> importance = {});

/// The matrix that the quantised values represent, [n, k]; input_scale is not undone.
std::vector<float> dequantize(const QuantizedMatrix& matrix);

}  // namespace lanewise::converters
