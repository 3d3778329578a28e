#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "converters/quantize/quantized_matrix.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// One tensor of a packed weight: the role it stands in and its bytes.
struct PackedRole {
  std::string role;
  DataType type;
  Shape shape;
  std::vector<std::byte> bytes;
};

/// The tensors that `linear` reads of a quantised weight (ops/linear/linear_weight.hpp), the panels
/// first. What is beyond n and k is zero.
std::vector<PackedRole> pack_quantized(const QuantizedMatrix& matrix);

/// The panels of w [n, k] rounded to bf16: [ceil(n / 16), ceil(k / 2), 16, 2].
PackedRole pack_bf16(std::span<const float> w, int64_t n, int64_t k);

/// Rows of a table as they are, rounded to bf16: [n, k].
PackedRole table_bf16(std::span<const float> table, int64_t n, int64_t k);

/// A table of 8-bit rows and their scales, [n, k] and [n], from a matrix of that type.
std::vector<PackedRole> table_i8(const QuantizedMatrix& matrix);

}  // namespace lanewise::converters
