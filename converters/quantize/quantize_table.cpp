#include "converters/quantize/quantize_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/half.hpp"
#include "ops/weights/blocks/blocks.hpp"
#include "ops/weights/half/half.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kTableGroup = 32;
constexpr auto& kValues = ops::kIQ4Values;
constexpr float kLowest = -127.0F;
// The largest f16 is 65504; ranges up to a fifth larger are tried.
constexpr float kLargestWeight = 50000.0F * 127.0F;

/// Between each value and the next.
constexpr std::array<float, 15> kMiddles = [] {
  std::array<float, 15> middles{};
  for (size_t i = 0; i < middles.size(); ++i) {
    middles[i] = (static_cast<float>(kValues[i]) + static_cast<float>(kValues[i + 1])) / 2.0F;
  }
  return middles;
}();

float rounded_to_f16(double scale) {
  return base::half_to_f32(ops::to_f16(static_cast<float>(scale)));
}

/// A scale, its error, and the scale that would be best for the values that it gives.
struct TableFit {
  double error = 0;
  double better = 0;
};

TableFit fit_table(const float* w, const float* importance, float scale) {
  TableFit fit;
  double wv = 0, vv = 0;
  for (int64_t i = 0; i < kTableGroup; ++i) {
    const double value = kValues[static_cast<uint8_t>(table_code(w[i], scale))];
    const double d = w[i] - scale * value;
    fit.error += importance[i] * d * d;
    wv += importance[i] * w[i] * value;
    vv += importance[i] * value * value;
  }
  fit.better = vv > 0 ? wv / vv : 0.0;
  return fit;
}

}  // namespace

bool fits_table(std::span<const float> w, int64_t k) {
  return k % kTableGroup == 0 &&
         std::ranges::all_of(w, [](float x) { return std::abs(x) <= kLargestWeight; });
}

int8_t table_code(float w, float scale) {
  // The value nearest to zero.
  constexpr int8_t kSmallest = 8;
  if (scale == 0.0F) return kSmallest;
  const auto* above = std::lower_bound(kMiddles.begin(), kMiddles.end(), w / scale);
  return static_cast<int8_t>(above - kMiddles.begin());
}

float table_scale(const float* w, const float* importance) {
  const auto by_size = [](float a, float b) { return std::abs(a) < std::abs(b); };
  const float largest = *std::max_element(w, w + kTableGroup, by_size);
  // Ranges to try, as for int4_scale(). The values are not symmetric, so either end may hold the
  // largest weight.
  constexpr double kTableRanges[] = {1.0, 0.76, 0.82, 0.88, 0.92, 0.96, 1.04, 1.08, 1.13};
  float best = 0.0F;
  double least = std::numeric_limits<double>::infinity();
  for (const double range : kTableRanges) {
    for (const double sign : {1.0, -1.0}) {
      float scale = rounded_to_f16(sign * range * largest / kLowest);
      for (int turn = 0; turn < 2; ++turn) {
        const TableFit fit = fit_table(w, importance, scale);
        if (fit.error < least) {
          least = fit.error;
          best = scale;
        }
        scale = rounded_to_f16(fit.better);
      }
    }
  }
  return best;
}

QuantizedMatrix quantize_table(std::span<const float> w, int64_t n, int64_t k,
                               std::span<const float> importance) {
  QuantizedMatrix matrix{.format = ops::kDecoderInt4, .n = n, .k = k, .group = kTableGroup};
  std::vector<float> weights(importance.begin(), importance.end());
  // Inputs that were never active say nothing about importance.
  if (!std::ranges::any_of(weights, [](float x) { return x > 0.0F; })) {
    weights.assign(static_cast<size_t>(k), 1.0F);
  }
  matrix.values.reserve(w.size());
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t begin = 0; begin < k; begin += kTableGroup) {
      const float* from = w.data() + row * k + begin;
      const float scale = table_scale(from, weights.data() + begin);
      matrix.scales.push_back(scale);
      for (int64_t j = 0; j < kTableGroup; ++j) {
        matrix.values.push_back(table_code(from[j], scale));
      }
    }
  }
  return matrix;
}

}  // namespace lanewise::converters
