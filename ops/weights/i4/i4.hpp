#pragma once

#include <cstdint>

#include "ops/weights/linear_block.hpp"

namespace lanewise::ops {

/// The formats i4g32, i4g64 and i4g128: 4-bit integers u in groups along the inputs, each with a
/// scale and optionally a minimum for each output.
///
///   weight          [panels, k8 / 8, 64] U8, k8 = groups * group: byte 4 j + i of 64 holds input i
///                   of feature j in its lower half and input 4 + i in its upper one
///   weight_scale    [panels, groups, 16] F32
///   weight_minimum  the same, optional: -8 * weight_scale if missing
///   weight_sum      [n] F32: the sums of the dequantised weights over the inputs
///   input_scale     [k] F32, optional: x is multiplied by it before it is rounded
///
///   w[n, i] = (weight_scale[n, i / group] * u[n, i] + weight_minimum[n, i / group])
///             * input_scale[i]
struct I4Panels {
  static constexpr bool kPreparesRows = true;

  const std::byte* panels = nullptr;
  size_t panel_bytes = 0;  // from panel to panel
  size_t group = 0;        // inputs that share a scale
  size_t groups = 0;
  const float* scale = nullptr;        // [panels][groups][16]
  const float* minimum = nullptr;      // [panels][groups][16], or null
  const float* total = nullptr;        // [n]
  const float* input_scale = nullptr;  // [k], or null

  I4Panels from(size_t feature) const noexcept {
    I4Panels w = *this;
    const size_t panel = feature / kPanel;
    w.panels += panel * panel_bytes;
    w.scale += panel * groups * kPanel;
    if (minimum != nullptr) w.minimum += panel * groups * kPanel;
    w.total += feature;
    return w;
  }
  size_t scratch_bytes(size_t k, const Norm& norm) const noexcept {
    return prepared_bytes(rounded_inputs(groups * group), groups, k, norm);
  }
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using I4Block = WeightBlock<I4Panels>;

}  // namespace lanewise::ops
