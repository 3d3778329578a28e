#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

using base::bfloat16_to_f32;
using base::half_to_f32;

/// F32, F16, BF16 and F64, the possible types of weights.
bool is_floating_point(DataType type) noexcept;

/// Converts the elements of `tensor`, aligned or not, to f32; rounds F64 to nearest.
///
/// out  [elements of tensor]
/// Fails with kUnsupported for integer types.
Status convert_to_f32(const TensorView& tensor, std::span<float> out);

/// A tensor's elements as f32: in place if they are f32 and aligned, otherwise converted.
struct F32Tensor {
  std::span<const float> values;
  std::unique_ptr<float[]> owned;  ///< null when `values` are the checkpoint's own
};
Result<F32Tensor> read_f32(const Checkpoint& checkpoint, const CheckpointTensor& tensor);

}  // namespace lanewise::converters
