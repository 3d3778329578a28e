#include "converters/pack/panels.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace lanewise::converters {
namespace {

constexpr auto kWidth = static_cast<size_t>(kPanelWidth);

using Rows = std::array<const float*, kWidth>;  // Null: a row of zeros.

/// Columns [begin, begin + count) of 16 rows, transposed: out [count, 16].
///
/// The rows are first copied into a tile of their own: k is often a multiple of 1024, and then the
/// 16 rows fall into one set of the L1 cache, which holds 8 lines.
void transpose_columns(const Rows& rows, size_t begin, size_t count, float* out) {
  std::array<float, kWidth* kWidth> tile = {};  // [16, 16]
  for (size_t j = 0; j < kWidth; ++j) {
    if (rows[j] == nullptr) continue;
    std::memcpy(&tile[j * kWidth], rows[j] + begin, count * sizeof(float));
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < kWidth; ++j) out[i * kWidth + j] = tile[j * kWidth + i];
  }
}

void pack_panel(const Rows& rows, size_t k, float* panel) {
  for (size_t i = 0; i < k; i += kWidth) {
    transpose_columns(rows, i, std::min(kWidth, k - i), panel + i * kWidth);
  }
}

}  // namespace

Shape panel_shape(int64_t n, int64_t k) {
  return {n / kPanelWidth + (n % kPanelWidth != 0), k, kPanelWidth};
}

void pack_panels(std::span<const WeightRows> parts, int64_t k, float* panels) {
  Rows rows = {};
  size_t filled = 0;
  const auto flush = [&] {
    pack_panel(rows, static_cast<size_t>(k), panels);
    panels += k * kPanelWidth;
    rows = {};
    filled = 0;
  };
  for (const WeightRows& part : parts) {
    for (int64_t row = 0; row < part.n; ++row) {
      rows[filled++] = part.w + row * k;
      if (filled == kWidth) flush();
    }
  }
  if (filled > 0) flush();
}

}  // namespace lanewise::converters
