#pragma once

/// Rows of f32 as bytes with a scale, for the kernels of this folder only.

#include "ops/row_views.hpp"
#include "ops/simd_integers.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// A row whose numbers are multiplied by a factor of their own.
struct ScaledRow {
  const float* x;
  const float* factor;
  LW_INLINE f32x16 all(size_t i) const noexcept { return load(x + i) * load(factor + i); }
  LW_INLINE f32x16 first(size_t i, size_t n) const noexcept {
    return load_first(x + i, n) * load_first(factor + i, n);
  }
};

/// max_i |x[i]|; NaN if one is NaN.
template <typename Row>
LW_INLINE float largest_magnitude(const Row& x, size_t n) noexcept {
  // Four, because a maximum takes a cycle or two and several can start in each.
  i32x16 most[4] = {broadcast_i32(0), broadcast_i32(0), broadcast_i32(0), broadcast_i32(0)};
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    LW_UNROLL for (size_t j = 0; j < 4; ++j) {
      most[j] = max(most[j], magnitude_bits(x.all(i + j * kLanes)));
    }
  }
  for (; i + kLanes <= n; i += kLanes) most[0] = max(most[0], magnitude_bits(x.all(i)));
  if (i < n) most[1] = max(most[1], magnitude_bits(x.first(i, n - i)));
  const int32_t bits = reduce_max(max(max(most[0], most[1]), max(most[2], most[3])));
  float largest;
  std::memcpy(&largest, &bits, sizeof(largest));
  return largest;
}

template <typename Row>
LW_INLINE float quantize(const Row& x, size_t n, uint8_t flip, uint8_t* q) noexcept {
  const float largest = largest_magnitude(x, n);
  const bool nothing = largest < 1e-36f;  // false for NaN
  const f32x16 factor = broadcast(nothing ? 0.0f : 127.0f / largest);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_rounded(q + i, x.all(i) * factor, flip);
  if (i < n) store_rounded(q + i, x.first(i, n - i) * factor, flip);
  return nothing ? 0.0f : largest * (1.0f / 127.0f);
}

/// q[i] = round(x[i] / scale) + (flip == 0 ? 0 : 128), with zeros for x behind n up to a whole
/// vector; returns scale = max |x| / 127. `input_scale`, if not null, multiplies x first. A row of
/// numbers all below 1e-36 counts as zeros, because 1 / scale would be infinite; one with a NaN or
/// an infinity has a scale that is neither finite.
LW_INLINE float quantize_row(const float* x, const float* input_scale, size_t n, uint8_t flip,
                             uint8_t* q) noexcept {
  return input_scale == nullptr ? quantize(PlainRow{x}, n, flip, q)
                                : quantize(ScaledRow{x, input_scale}, n, flip, q);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
