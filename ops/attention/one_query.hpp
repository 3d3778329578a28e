#pragma once

/// Attention of one query to the keys of its sequence, one after another, with features as lanes: for
/// scores that take so long, or share so little, that tiles of queries and keys do not pay. For kernel
/// sources only.

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Turns scores into weights e^(score - base); returns their sum.
float weigh(float* scores, size_t count, float base) noexcept {
  f32x16 sum = zero();
  for (size_t j = 0; j < count; j += kLanes) {
    const size_t left = count - j < kLanes ? count - j : kLanes;
    store_first(scores + j, exp(load_first(scores + j, left) - broadcast(base)), left);
    sum = sum + load_first(scores + j, left);
  }
  return reduce_add(sum);
}

/// y = y * factor + sum_j weights[j] * V[first + j], 16 features at a time.
template <typename Value>
void add_values_of_query(float* y, size_t dim, const Value& value, size_t first,
                         const float* weights, size_t count, float factor) noexcept {
  for (size_t i = 0; i < dim; i += kLanes) {
    const size_t left = dim - i < kLanes ? dim - i : kLanes;
    f32x16 sum = load_first(y + i, left) * broadcast(factor);
    for (size_t j = 0; j < count; ++j) {
      sum = fma(load_first(value(first + j) + i, left), broadcast(weights[j]), sum);
    }
    store_first(y + i, sum, left);
  }
}

void scale_result(float* y, size_t dim, float factor) noexcept {
  for (size_t i = 0; i < dim; i += kLanes) {
    const size_t left = dim - i < kLanes ? dim - i : kLanes;
    store_first(y + i, load_first(y + i, left) * broadcast(factor), left);
  }
}

/// y = sum_j w_j V[j] / sum_j w_j with w_j = e^score(j); 0 without keys.
///
/// y        [dim]
/// score    float score(size_t key)
/// value    const float* value(size_t key): [dim]
/// scratch  kBlock floats. Blocks begin at multiples of kBlock, which determines where the running
///          maximum changes, and so the bits of the result.
template <size_t kBlock, typename Score, typename Value>
void attend_one(float* y, size_t dim, size_t keys, const Score& score, const Value& value,
                float* scratch) noexcept {
  for (size_t i = 0; i < dim; ++i) y[i] = 0.0f;
  float largest = -kInfinity;
  float sum = 0.0f;
  for (size_t first = 0; first < keys; first += kBlock) {
    const size_t count = keys - first < kBlock ? keys - first : kBlock;
    float most = largest;
    for (size_t j = 0; j < count; ++j) {
      scratch[j] = score(first + j);
      most = scratch[j] > most ? scratch[j] : most;
    }
    // Only weights that are not finite make such scores; base 0 lets their NaN through.
    const float base = most == -kInfinity ? 0.0f : most;
    float factor[1] = {largest};
    weigh(factor, 1, base);
    sum = sum * factor[0] + weigh(scratch, count, base);
    add_values_of_query(y, dim, value, first, scratch, count, factor[0]);
    largest = most;
  }
  scale_result(y, dim, sum == 0.0f ? 0.0f : 1.0f / sum);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
