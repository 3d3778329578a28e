#pragma once

#include "ops/weights/blocks/block_format.hpp"

namespace lanewise::converters {

/// FP8 numbers with 4 bits of exponent and 3 of mantissa, in blocks of one. Unpacking is exact: f32
/// has all of their values.
/// Source: Micikevicius et al. 2022, arXiv:2209.05433, E4M3.
const ops::BlockFormat& float8_e4m3() noexcept;

}  // namespace lanewise::converters
