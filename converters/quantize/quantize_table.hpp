#pragma once

#include <cstdint>
#include <span>

#include "converters/quantize/quantized_matrix.hpp"

namespace lanewise::converters {

/// Quantisation to the 16 values of ops::kIQ4Values, with a scale for each 32 inputs: int4 of
/// decoders (ops::kDecoderInt4).

/// Whether w [n, k] can have that format: k a multiple of 32, and scales that f16 can represent.
/// `w` must pass check_finite().
bool fits_table(std::span<const float> w, int64_t k);

/// The scale, an f16, of 32 weights that minimises the squared error, as int4_scale().
float table_scale(const float* w, const float* importance);

/// The code whose value is nearest to w / scale.
int8_t table_code(float w, float scale);

/// Quantises w [n, k], which fits_table(). `importance`: as for quantize_int8().
QuantizedMatrix quantize_table(std::span<const float> w, int64_t n, int64_t k,
                               std::span<const float> importance = {});

}  // namespace lanewise::converters
