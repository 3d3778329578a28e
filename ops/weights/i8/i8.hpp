#pragma once

#include <cstdint>

#include "ops/weights/linear_block.hpp"

namespace lanewise::ops {

/// The format i8: 8-bit integers around zero and a scale for each output.
///
///   weight        [panels, ceil(k / 4), 16, 4] I8
///   weight_scale  [n] F32
///   weight_sum    [n] I32: the sums of the integers over the inputs
///   input_scale   [k] F32, optional: x is multiplied by it before it is rounded
///
///   w[n, i] = weight_scale[n] * q[n, i] * input_scale[i]
struct I8Panels {
  static constexpr bool kPreparesRows = true;

  const std::byte* panels = nullptr;
  size_t panel_bytes = 0;              // from panel to panel
  const float* scale = nullptr;        // [n]
  const int32_t* sum = nullptr;        // [n]
  const float* input_scale = nullptr;  // [k], or null

  I8Panels from(size_t feature) const noexcept {
    return {panels + feature / kPanel * panel_bytes, panel_bytes, scale + feature, sum + feature,
            input_scale};
  }
  /// Each input of x takes up to two bytes.
  size_t scratch_bytes(size_t k, const Norm& norm) const noexcept {
    return prepared_bytes(2 * rounded_inputs(k), 1, k, norm);
  }
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using I8Block = WeightBlock<I8Panels>;

}  // namespace lanewise::ops
