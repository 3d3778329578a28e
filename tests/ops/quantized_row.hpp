#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace lanewise::ops::test {

/// A quantised row: scale * q + shift, as specified in ops/weights/quantize_row.hpp.
struct QuantizedRow {
  std::vector<int64_t> q;
  float scale = 0.0f;
  float shift = 0.0f;
};

inline QuantizedRow quantize(const float* x, int64_t k) {
  float low = 0.0f;
  float high = 0.0f;
  for (int64_t i = 0; i < k; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  QuantizedRow row;
  row.scale = high * (1.0f / 255.0f) - low * (1.0f / 255.0f);
  if (row.scale < 1e-38f) row.scale = 0.0f;
  const float factor = row.scale == 0.0f ? 0.0f : 1.0f / row.scale;
  const float zero = row.scale == 0.0f ? 0.0f : std::nearbyint(-128.0f - low * factor);
  row.shift = -zero * row.scale;
  for (int64_t i = 0; i < k; ++i) {
    const float q = std::nearbyint(x[i] * factor + zero);
    row.q.push_back(static_cast<int64_t>(std::clamp(q, -128.0f, 127.0f)));
  }
  return row;
}

/// Rounds 32 numbers as products with weights in blocks do (ops/weights/blocks/block_kernels.hpp).
inline QuantizedRow quantize_block(const float* x) {
  float most = 0.0f;
  for (int64_t i = 0; i < 32; ++i) most = std::max(most, std::abs(x[i]));
  QuantizedRow block;
  block.scale = most * (1.0f / 127.0f);
  if (block.scale < 1e-38f) block.scale = 0.0f;
  const float factor = block.scale == 0.0f ? 0.0f : 127.0f / most;
  for (int64_t i = 0; i < 32; ++i) {
    block.q.push_back(static_cast<int64_t>(std::nearbyint(x[i] * factor)));
  }
  return block;
}

}  // namespace lanewise::ops::test
