#include "ops/rotary/rotary_kernels.hpp"

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

struct Turned {
  f32x16 a;
  f32x16 b;
};

LW_INLINE Turned turn(const f32x16& a, const f32x16& b, const f32x16& cosine,
                      const f32x16& sine) noexcept {
  return {fma(a, cosine, zero() - b * sine), fma(b, cosine, a * sine)};
}

/// Pairs are features i and pairs + i.
LW_INLINE void rotate_halves(const float* x, const float* cosine, const float* sine, size_t pairs,
                             float* y) noexcept {
  size_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    const Turned t = turn(load(x + i), load(x + pairs + i), load(cosine + i), load(sine + i));
    store(y + i, t.a);
    store(y + pairs + i, t.b);
  }
  const size_t left = pairs - i;
  if (left == 0) return;
  const Turned t = turn(load_first(x + i, left), load_first(x + pairs + i, left),
                        load_first(cosine + i, left), load_first(sine + i, left));
  store_first(y + i, t.a, left);
  store_first(y + pairs + i, t.b, left);
}

/// Pairs are features 2 * i and 2 * i + 1. Up to 16 of them are laid out as halves first.
LW_INLINE void rotate_interleaved(const float* x, const float* cosine, const float* sine,
                                  size_t pairs, float* y) noexcept {
  for (size_t i = 0; i < pairs; i += kLanes) {
    const size_t count = pairs - i < kLanes ? pairs - i : kLanes;
    alignas(64) float a[kLanes] = {};
    alignas(64) float b[kLanes] = {};
    for (size_t j = 0; j < count; ++j) {
      a[j] = x[2 * (i + j)];
      b[j] = x[2 * (i + j) + 1];
    }
    const Turned t =
        turn(load(a), load(b), load_first(cosine + i, count), load_first(sine + i, count));
    store(a, t.a);
    store(b, t.b);
    for (size_t j = 0; j < count; ++j) {
      y[2 * (i + j)] = a[j];
      y[2 * (i + j) + 1] = b[j];
    }
  }
}

LW_INLINE void copy(const float* x, size_t count, float* y) noexcept {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, load(x + i));
  if (i < count) store_first(y + i, load_first(x + i, count - i), count - i);
}

LW_INLINE void rotate_row(const RotaryBlock& block, const float* x, const float* angles,
                          float* y) noexcept {
  const float* sines = angles + block.pairs;
  const size_t turned = 2 * block.pairs;
  const bool in_place = x == y;
  for (size_t h = 0; h < block.heads; ++h) {
    const float* from = x + h * block.head_dim;
    float* to = y + h * block.head_dim;
    if (block.interleaved) {
      rotate_interleaved(from, angles, sines, block.pairs, to);
    } else {
      rotate_halves(from, angles, sines, block.pairs, to);
    }
    if (!in_place) copy(from + turned, block.head_dim - turned, to + turned);
  }
  const size_t done = block.heads * block.head_dim;
  if (!in_place) copy(x + done, block.rows.dim - done, y + done);
}

void rotate(const RotaryBlock& block) noexcept {
  for (size_t r = 0; r < block.rows.rows; ++r) {
    rotate_row(block, block.rows.x + r * block.rows.x_stride,
               block.angles + r * block.angles_stride, block.rows.y + r * block.rows.y_stride);
  }
}

}  // namespace

LW_KERNELS(RotaryKernels, rotary_kernels){rotate};

}  // namespace lanewise::ops::LW_ISA_NAME
