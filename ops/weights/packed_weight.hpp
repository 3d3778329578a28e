#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lanewise/tensor.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::ops {

/// A quantised weight [n, k], row-major, before it is packed.
///
///   8 bits   w[i, j] = scales[i] * values[i * k + j],  values in [-127, 127], group = k
///   4 bits   w[i, j] = scales[g] * values[i * k + j] + minimums[g],  values in [0, 15]
///   iq4_nl   w[i, j] = scales[g] * kIQ4Values[values[i * k + j]], scales that f16 can represent
///
/// where g = i * groups + j / group and groups = ceil(k / group). Missing minimums are -8 * scales:
/// symmetric around 8. With `input_scale` the matrix represents w[i, j] / input_scale[j], and
/// multiplies x[j] * input_scale[j].
struct QuantizedMatrix {
  WeightFormat format = WeightFormat::i8;
  int64_t n = 0;
  int64_t k = 0;
  int64_t group = 0;               ///< inputs that share a scale: k, or 32, 64 or 128
  std::vector<int8_t> values;      ///< [n, k]
  std::vector<float> scales;       ///< [n, groups]
  std::vector<float> minimums;     ///< [n, groups], or empty
  std::vector<float> input_scale;  ///< [k], or empty: ones

  int64_t groups() const { return (k + group - 1) / group; }
  /// The value that [row, j] represents, without the division by input_scale.
  float weight(int64_t row, int64_t j) const;
};

/// One tensor of a packed weight.
struct PackedTensor {
  std::string suffix;  ///< appended to the role of the weight (role_of())
  DataType type = DataType::kU8;
  Shape shape;
  std::vector<std::byte> bytes;
};

/// The tensors of a weight in one format, the panels first.
struct PackedWeight {
  WeightFormat format = WeightFormat::f32;
  std::vector<PackedTensor> tensors;
};

/// Packs w [n, k] in a format with panels, using the format's simplest rounding. Converters choose
/// better quantised values.
PackedWeight pack_weight(WeightFormat format, const float* w, int64_t n, int64_t k);

/// The tensors of that weight, without their bytes; empty for formats whose tensors depend on the
/// QuantizedMatrix that they are packed from.
std::vector<PackedTensor> tensors_of_weight(WeightFormat format, int64_t n, int64_t k);

/// Packs the values of `matrix` in its format.
PackedWeight pack_weight(const QuantizedMatrix& matrix);

/// Whether the format is packed from a QuantizedMatrix.
bool is_packed_from_integers(WeightFormat format) noexcept;

}  // namespace lanewise::ops
