#include "ops/attention/disentangled_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

// One query at a time, with features as lanes. Each pair of query and key reads its own rows of
// positions, so no tile of queries and keys shares them; the linear layers around it take ten times
// as long.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

constexpr float kInfinity = __builtin_inff();

/// The row of positions for a key, as an offset in floats.
size_t position(const DisentangledBlock& block, size_t key) noexcept {
  int32_t distance = block.query - static_cast<int32_t>(key);
  distance = distance < -block.most ? -block.most : distance;
  distance = distance > block.most ? block.most : distance;
  return static_cast<size_t>(block.rows[distance]) * block.position_stride;
}

LW_INLINE f32x16 add_products(const f32x16& q, const f32x16& k, const f32x16& key_position,
                              const f32x16& query_position, const f32x16& sum) noexcept {
  return fma(k, query_position, fma(q, k + key_position, sum));
}

LW_INLINE f32x16 part_of(const float* row, size_t begin, size_t count) noexcept {
  return row == nullptr ? zero() : load_first(row + begin, count);
}

float score(const DisentangledBlock& block, size_t key) noexcept {
  const float* k = block.k + key * block.k_stride;
  const size_t row = position(block, key);
  const float* pk = block.key_positions == nullptr ? nullptr : block.key_positions + row;
  const float* pq = block.query_positions == nullptr ? nullptr : block.query_positions + row;
  f32x16 sum = zero();
  size_t a = 0;
  if (pk != nullptr && pq != nullptr) {
    for (; a + kLanes <= block.dim; a += kLanes) {
      sum = add_products(load(block.q + a), load(k + a), load(pk + a), load(pq + a), sum);
    }
  }
  for (; a < block.dim; a += kLanes) {
    const size_t left = block.dim - a < kLanes ? block.dim - a : kLanes;
    sum = add_products(load_first(block.q + a, left), load_first(k + a, left), part_of(pk, a, left),
                       part_of(pq, a, left), sum);
  }
  return reduce_add(sum) * block.scale;
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
void add_values(const DisentangledBlock& block, size_t first, const float* weights, size_t count,
                float factor) noexcept {
  for (size_t i = 0; i < block.dim; i += kLanes) {
    const size_t left = block.dim - i < kLanes ? block.dim - i : kLanes;
    f32x16 sum = load_first(block.y + i, left) * broadcast(factor);
    for (size_t j = 0; j < count; ++j) {
      const float* v = block.v + (first + j) * block.v_stride + i;
      sum = fma(load_first(v, left), broadcast(weights[j]), sum);
    }
    store_first(block.y + i, sum, left);
  }
}

void scale_result(const DisentangledBlock& block, float factor) noexcept {
  for (size_t i = 0; i < block.dim; i += kLanes) {
    const size_t left = block.dim - i < kLanes ? block.dim - i : kLanes;
    store_first(block.y + i, load_first(block.y + i, left) * broadcast(factor), left);
  }
}

void attend(const DisentangledBlock& block, float* scratch) noexcept {
  for (size_t i = 0; i < block.dim; ++i) block.y[i] = 0.0f;
  float largest = -kInfinity;
  float sum = 0.0f;
  for (size_t first = 0; first < block.keys; first += kDisentangledKeyBlock) {
    const size_t left = block.keys - first;
    const size_t count = left < kDisentangledKeyBlock ? left : kDisentangledKeyBlock;
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

LW_KERNELS(DisentangledAttentionKernels, disentangled_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
