#pragma once

/// Quantises rows of f32 to bytes with a scale, for the kernels of these folders only.

#include "ops/norm/norm_rows.hpp"
#include "ops/simd_integers.hpp"
#include "ops/weights/linear_block.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// A row whose elements are each multiplied by a factor.
struct ScaledRow {
  const float* x;
  const float* factor;
  LW_INLINE f32x16 all(size_t i) const noexcept { return load(x + i) * load(factor + i); }
  LW_INLINE f32x16 first(size_t i, size_t n) const noexcept {
    return load_first(x + i, n) * load_first(factor + i, n);
  }
};

/// low <= 0 <= high, with every element of a row in between; one of them is NaN if the row has one.
struct Range {
  float low;
  float high;
};

template <typename Row>
LW_INLINE Range range_of(const Row& x, size_t n) noexcept {
  // A 512-bit maximum may take 3 cycles (LLVM's model of Sapphire Rapids), so two chains; if a
  // range takes several registers anyway, these are chains enough.
  constexpr size_t kChains = kParts == 1 ? 2 : 1;
  BitRange range[kChains];
  LW_UNROLL for (size_t j = 0; j < kChains; ++j) range[j] = empty_range();
  size_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    LW_UNROLL for (size_t j = 0; j < kChains; ++j) widen(range[j], x.all(i + j * kLanes));
  }
  for (; i + kLanes <= n; i += kLanes) widen(range[0], x.all(i));
  if (i < n) widen(range[0], x.first(i, n - i));
  LW_UNROLL for (size_t j = 1; j < kChains; ++j) widen(range[0], range[j]);
  return {lowest(range[0]), highest(range[0])};
}

/// The nearest integer, ties to even, for |x| < 2^22.
LW_INLINE float nearest_integer(float x) noexcept { return (x + 12582912.0f) - 12582912.0f; }

/// Stores rounded numbers as signed bytes.
struct SignedBytes {
  uint8_t* q;
  LW_INLINE void store_at(size_t i, const i8x64& bytes) noexcept { store(q + i, bytes); }
};

/// Stores rounded numbers in the form that products with 8-bit weights need.
struct ByteQuads {
  uint8_t* q;
  NegativeSum negative{};
  LW_INLINE void store_at(size_t i, const i8x64& bytes) noexcept {
    store_quads(q + i / 4 * kQuadBytes, bytes, negative);
  }
};

template <typename Row, typename Form>
LW_INLINE RowScale quantize(const Row& x, size_t n, Form& form) noexcept {
  const Range range = range_of(x, n);
  const float scale = range.high * (1.0f / 255.0f) - range.low * (1.0f / 255.0f);
  const bool nothing = scale < 1e-38f;  // false for NaN
  const float factor = nothing ? 0.0f : 1.0f / scale;
  const float offset = nothing ? 0.0f : nearest_integer(-128.0f - range.low * factor);
  // Two roundings on every instruction set instead of the one of fma(), so that the integers are
  // the same.
  const auto scaled = [&](const f32x16& values) noexcept {
    return values * broadcast(factor) + broadcast(offset);
  };
  const auto last = [&](size_t i) noexcept {
    if (i + kLanes <= n) return scaled(x.all(i));
    if (i >= n) return zero();
    const mask16 inside = less(lane_index(), broadcast(static_cast<float>(n - i)));
    return select(inside, scaled(x.first(i, n - i)), zero());
  };
  static_assert(kRoundedAtOnce == 4 * kLanes);
  f32x16 part[4];
  size_t i = 0;
  for (; i + kRoundedAtOnce <= n; i += kRoundedAtOnce) {
    LW_UNROLL for (size_t j = 0; j < 4; ++j) part[j] = scaled(x.all(i + j * kLanes));
    form.store_at(i, round_to_bytes(part));
  }
  if (i < n) {
    LW_UNROLL for (size_t j = 0; j < 4; ++j) part[j] = last(i + j * kLanes);
    form.store_at(i, round_to_bytes(part));
  }
  return {nothing ? 0.0f : scale, nothing ? 0.0f : -offset * scale};
}

/// Rounds a row to bytes: x[i] ~ scale * q[i] + shift, where the range of the row including zero is
/// divided into 255 steps, one of which is at zero.
///
///   scale = (max x - min x) / 255, offset = round(-128 - min x / scale), shift = -offset * scale,
///   q[i] = round(x[i] / scale + offset), limited to [-128, 127]
///
/// Activations are often on one side of zero, all of ReLU's and most of GELU's: a symmetric range
/// would waste up to a bit. `form` stores q, zero-padded to a multiple of kRoundedAtOnce.
/// `input_scale`, if not null, multiplies x first. A row whose range is below 255e-38 counts as
/// zeros, because 1 / scale would be infinite; one with a NaN or an infinity has a scale that is
/// not finite.
template <typename Form>
LW_INLINE RowScale quantize_row(const float* x, const float* input_scale, size_t n,
                                Form& form) noexcept {
  return input_scale == nullptr ? quantize(PlainRow{x}, n, form)
                                : quantize(ScaledRow{x, input_scale}, n, form);
}

void normalize_row(const Norm& norm, const float* x, size_t n, float* y) noexcept {
  if (norm.kind == NormKind::kRmsNorm) return rms_norm_row(x, norm, n, y);
  norm.bias == nullptr ? layer_norm_row<false>(PlainRow{x}, norm, n, y)
                       : layer_norm_row<true>(PlainRow{x}, norm, n, y);
}

/// The layout of prepared_bytes() for a block whose rows become `bytes` each.
struct RowsScratch {
  RowsScratch(const LinearBlock& block, size_t bytes, std::byte* scratch) noexcept
      : stride(prepared_stride(bytes)),
        normalized(reinterpret_cast<float*>(scratch)),
        rows(scratch + normalized_bytes(block.norm, block.k)),
        scale(reinterpret_cast<RowScale*>(rows + block.rows * stride)),
        sums(reinterpret_cast<int32_t*>(scale + block.rows)) {}

  uint8_t* row(size_t r) const noexcept { return reinterpret_cast<uint8_t*>(rows + r * stride); }

  size_t stride;
  float* normalized;  // one row, for the norm
  std::byte* rows;
  RowScale* scale;
  int32_t* sums;  // by row, or by row and group
};

/// Rounds row r of a block after its norm. `normalized`: normalized_bytes(), the same for every
/// row, so that it stays in the first-level cache.
template <typename Form>
LW_INLINE RowScale prepare_row(const LinearBlock& block, const float* input_scale, size_t r,
                               float* normalized, Form& form) noexcept {
  const float* x = block.x + r * block.x_stride;
  if (block.norm.kind != NormKind::kNone) {
    normalize_row(block.norm, x, block.k, normalized);
    x = normalized;
  }
  return quantize_row(x, input_scale, block.k, form);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
