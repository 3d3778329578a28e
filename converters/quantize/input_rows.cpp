#include "converters/quantize/input_rows.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace lanewise::converters {

namespace {

/// In 255 steps of their range.
void round_by_range(std::span<float> x) {
  float low = 0.0F;
  float high = 0.0F;
  for (const float value : x) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float scale = high * (1.0F / 255.0F) - low * (1.0F / 255.0F);
  if (scale < 1e-38F) return;
  const float factor = 1.0F / scale;  // as the kernels do; a quotient may round differently
  const float zero = std::nearbyint(-128.0F - low * factor);
  for (float& value : x) {
    const float q = std::clamp(std::nearbyint(value * factor + zero), -128.0F, 127.0F);
    value = scale * (q - zero);
  }
}

/// In 254 steps around zero.
void round_around_zero(std::span<float> x) {
  float most = 0.0F;
  for (const float value : x) most = std::max(most, std::abs(value));
  const float scale = most * (1.0F / 127.0F);
  if (scale < 1e-38F) {
    std::ranges::fill(x, 0.0F);
    return;
  }
  const float factor = 127.0F / most;
  for (float& value : x) value = scale * std::nearbyint(value * factor);
}

}  // namespace

InputRows rounded_rows(const InputRows& x, ops::WeightFormat weights) {
  InputRows result = x;
  const int64_t group = weights == ops::kDecoderInt4 ? ops::info_of(weights).block : x.k;
  for (int64_t begin = 0; begin < x.rows * x.k; begin += group) {
    const std::span part(result.x.data() + begin, static_cast<size_t>(group));
    weights == ops::kDecoderInt4 ? round_around_zero(part) : round_by_range(part);
  }
  return result;
}

InputRows normalized_rows(const InputRows& x) {
  InputRows result = x;
  for (int64_t row = 0; row < x.rows; ++row) {
    float* to = result.x.data() + row * x.k;
    double square = 0;
    for (int64_t j = 0; j < x.k; ++j) square += static_cast<double>(to[j]) * to[j];
    const double root = std::sqrt(square / static_cast<double>(x.k));
    if (root < 1e-20) continue;
    for (int64_t j = 0; j < x.k; ++j) to[j] = static_cast<float>(to[j] / root);
  }
  return result;
}

InputRows scaled_rows(const InputRows& x, const std::vector<float>& scale) {
  InputRows result = x;
  for (size_t at = 0; at < result.x.size(); ++at) {
    result.x[at] *= scale[at % static_cast<size_t>(x.k)];
  }
  return result;
}

std::vector<float> mean_squares(const InputRows& x) {
  std::vector<double> sums(static_cast<size_t>(x.k));
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* from = x.x.data() + row * x.k;
    for (size_t j = 0; j < sums.size(); ++j) sums[j] += static_cast<double>(from[j]) * from[j];
  }
  std::vector<float> means(sums.size());
  for (size_t j = 0; j < sums.size(); ++j) {
    means[j] = static_cast<float>(sums[j] / static_cast<double>(std::max<int64_t>(x.rows, 1)));
  }
  return means;
}

}  // namespace lanewise::converters
