#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "converters/quantize/quantized_matrix.hpp"
#include "ops/weights/packed_weight.hpp"

namespace lanewise::converters {

/// The row format of tables that are looked up and never multiplied, closest to the `format` of a
/// model's products.
WeightFormat table_format(WeightFormat format) noexcept;

/// The tensors of a table [n, k] in that format, without their bytes.
std::vector<ops::PackedTensor> tensors_of_table(WeightFormat format, int64_t n, int64_t k);

/// Stores table [n, k] as rows in that format: bf16_rows, or i8_rows with a scale for each.
ops::PackedWeight pack_table(WeightFormat format, std::span<const float> table, int64_t n,
                             int64_t k);

}  // namespace lanewise::converters
