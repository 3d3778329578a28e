#include "converters/quantize/input_rows.hpp"

#include <algorithm>
#include <cmath>

#include "converters/quantize/quantize_rows.hpp"

namespace lanewise::converters {

InputRows rounded_rows(const InputRows& x) {
  InputRows result = x;
  for (int64_t row = 0; row < x.rows; ++row) {
    float* to = result.x.data() + row * x.k;
    float low = 0.0F;
    float high = 0.0F;
    for (int64_t j = 0; j < x.k; ++j) {
      low = std::min(low, to[j]);
      high = std::max(high, to[j]);
    }
    const float scale = high * (1.0F / 255.0F) - low * (1.0F / 255.0F);
    if (scale < 1e-38F) continue;
    const float factor = 1.0F / scale;  // as the kernels do; a quotient may round differently
    const float zero = std::nearbyint(-128.0F - low * factor);
    for (int64_t j = 0; j < x.k; ++j) {
      const float q = std::clamp(std::nearbyint(to[j] * factor + zero), -128.0F, 127.0F);
      to[j] = scale * (q - zero);
    }
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
