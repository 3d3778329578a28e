#include "ops/attention/additive_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/attention/one_query.hpp"
#include "ops/simd.hpp"

// One query at a time, with features as lanes: the hyperbolic tangents, depth of them per pair of
// query and key, take nearly all of the time.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

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

void attend(const AdditiveBlock& block, float* scratch) noexcept {
  const auto score_of = [&](size_t key) { return score(block, key); };
  const auto value = [&](size_t key) { return block.v + row_of(block, key) * block.v_stride; };
  attend_one<kAdditiveKeyBlock>(block.y, block.dim, block.keys, score_of, value, scratch);
}

}  // namespace

LW_KERNELS(AdditiveAttentionKernels, additive_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
