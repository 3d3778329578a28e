#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "converters/quantize/quantized_matrix.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// kInvalidArgument naming `name` and the first element of w [n, k] that is infinite or NaN, for
/// which there is no scale, or beyond 1e37, whose scales would overflow. What follows here takes
/// other weights only.
Status check_finite(const std::string& name, std::span<const float> w, int64_t k);

/// The scale of 8-bit integers for the k weights of one output that makes
///
///   sum_j importance[j] * (w[j] - scale * clamp(round(w[j] / scale), -127, 127))^2
///
/// least among max|w| / 127 and shorter ones: clipping the few largest weights can cost less than
/// rounding all others coarsely. 0 where all weights are (almost) zero.
float int8_scale(const float* w, const float* importance, int64_t k);

/// What 4-bit integers stand for: w = scale * value + minimum.
struct Int4Scale {
  float scale = 0.0F;
  float minimum = 0.0F;
};

/// Whether groups of 4-bit integers have a minimum of their own, or are symmetric around 8.
enum class Minimums { kNone, kStored };

/// The same for 4-bit integers of one group: `size` weights, at most kMaxInt4Group. Tries several
/// ranges and fits a line through what each of them rounds to. Never worse than min and max.
Int4Scale int4_scale(const float* w, const float* importance, int64_t size, Minimums minimums);
inline constexpr int64_t kMaxInt4Group = 128;

/// The integer that stands for w.
int8_t int8_value(float w, float scale);
int8_t int4_value(float w, Int4Scale scale);

/// w [n, k] as 8-bit integers with a scale for each row.
///
/// importance  [k], >= 0: how much an error in the weights of an input matters, the mean square of
///             that input if known. Empty: all alike.
QuantizedMatrix quantize_int8(std::span<const float> w, int64_t n, int64_t k,
                              std::span<const float> importance = {});

/// w [n, k] as 4-bit integers with a scale for each `group` of 32, 64 or 128 inputs; the last group
/// of a row may be shorter.
QuantizedMatrix quantize_int4(std::span<const float> w, int64_t n, int64_t k, int64_t group,
                              Minimums minimums = Minimums::kStored,
                              std::span<const float> importance = {});

/// The weights that the integers stand for, [n, k]: without the division by input_scale.
std::vector<float> dequantize(const QuantizedMatrix& matrix);

}  // namespace lanewise::converters
