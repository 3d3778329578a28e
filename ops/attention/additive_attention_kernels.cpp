#include "ops/attention/additive_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

// One query at a time, with features as lanes: the hyperbolic tangents, depth of them per pair of
// query and key, take nearly all of the time.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

constexpr float kInfinity = __builtin_inff();

size_t row_of(const AdditiveBlock& block, size_t key) noexcept {
  return block.rows == nullptr ? key : static_cast<size_t>(block.rows[key]);
}

float score(const AdditiveBlock& block, size_t key) noexcept {
  const float* k = block.k + row_of(block, key) * block.k_stride;
  f32x16 sum = zero();
  size_t a = 0;
  for (; a + kLanes <= block.depth; a += kLanes) {
    sum = fma(load(block.weight + a), tanh(load(block.q + a) + load(k + a)), sum);
  }
  if (a < block.depth) {
    const size_t left = block.depth - a;
    const f32x16 inner = load_first(block.q + a, left) + load_first(k + a, left);
    sum = fma(load_first(block.weight + a, left), tanh(inner), sum);
  }
  return reduce_add(sum);
}

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
void add_values(const AdditiveBlock& block, size_t first, const float* weights, size_t count,
                float factor) noexcept {
  for (size_t i = 0; i < block.dim; i += kLanes) {
    const size_t left = block.dim - i < kLanes ? block.dim - i : kLanes;
    f32x16 sum = load_first(block.y + i, left) * broadcast(factor);
    for (size_t j = 0; j < count; ++j) {
      const float* v = block.v + row_of(block, first + j) * block.v_stride + i;
      sum = fma(load_first(v, left), broadcast(weights[j]), sum);
    }
    store_first(block.y + i, sum, left);
  }
}

void scale_result(const AdditiveBlock& block, float factor) noexcept {
  for (size_t i = 0; i < block.dim; i += kLanes) {
    const size_t left = block.dim - i < kLanes ? block.dim - i : kLanes;
    store_first(block.y + i, load_first(block.y + i, left) * broadcast(factor), left);
  }
}

void attend(const AdditiveBlock& block, float* scratch) noexcept {
  for (size_t i = 0; i < block.dim; ++i) block.y[i] = 0.0f;
  float largest = -kInfinity;
  float sum = 0.0f;
  for (size_t first = 0; first < block.keys; first += kAdditiveKeyBlock) {
    const size_t left = block.keys - first;
    const size_t count = left < kAdditiveKeyBlock ? left : kAdditiveKeyBlock;
    float most = largest;
    for (size_t j = 0; j < count; ++j) {
      scratch[j] = score(block, first + j);
      most = scratch[j] > most ? scratch[j] : most;
    }
    // Only weights that are not finite make such scores; base 0 lets their NaN through.
    const float base = most == -kInfinity ? 0.0f : most;
    float factor[1] = {largest};
    weigh(factor, 1, base);
    sum = sum * factor[0] + weigh(scratch, count, base);
    add_values(block, first, scratch, count, factor[0]);
    largest = most;
  }
  scale_result(block, sum == 0.0f ? 0.0f : 1.0f / sum);
}

}  // namespace

LW_KERNELS(AdditiveAttentionKernels, additive_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
