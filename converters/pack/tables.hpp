#pragma once

#include <cstdint>
#include <span>

#include "converters/quantize/quantized_matrix.hpp"
#include "ops/weights/packed_weight.hpp"

namespace lanewise::converters {

/// The format of tables that are looked up and never multiplied, in a model whose products have
/// weights of `format`: the rows that come nearest.
WeightFormat table_format(WeightFormat format) noexcept;

/// table [n, k] as rows in that format: bf16_rows, or i8_rows with a scale for each.
ops::PackedWeight pack_table(WeightFormat format, std::span<const float> table, int64_t n,
                             int64_t k);

}  // namespace lanewise::converters
