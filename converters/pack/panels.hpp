#pragma once

#include <cstdint>
#include <span>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// Output features of a panel: one vector of 16 floats.
inline constexpr int64_t kPanelWidth = 16;

/// The shape of an [n, k] weight in panels: [ceil(n / 16), k, 16].
Shape panel_shape(int64_t n, int64_t k);

/// Rows of a weight: w [n, k], row-major.
struct WeightRows {
  const float* w = nullptr;
  int64_t n = 0;
};

/// Cuts weights that stand one below the other into panels of 16 output features:
///
///   panels[p, i, j] = w[16 p + j, i], 0 where there is no row 16 p + j
///
/// parts   w [n, k] each, together [N, k]; a panel may hold rows of two parts
/// panels  [ceil(N / 16), k, 16], not any of the parts
void pack_panels(std::span<const WeightRows> parts, int64_t k, float* panels);

}  // namespace lanewise::converters
