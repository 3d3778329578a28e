#pragma once

#include <cstdint>

namespace lanewise::ops {

/// Rounds the key or value of a token and a head to int8: x ~ code * scale, with codes from -127 to
/// 127 and scale = max |x| / 127. Returns the scale.
///
/// x      [n]
/// codes  [n], `step` bytes apart
/// Error: at most scale / 2 in each number.
/// A row of numbers below 1e-36 is 0. If any number is not finite, the scale is NaN.
/// The same bits on every CPU.
float round_to_int8(const float* x, int64_t n, int8_t* codes, int64_t step) noexcept;

}  // namespace lanewise::ops
