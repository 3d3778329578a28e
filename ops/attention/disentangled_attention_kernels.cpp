#include "ops/attention/disentangled_attention_kernels.hpp"

#include "ops/attention/one_query.hpp"
#include "ops/simd.hpp"

// One query at a time, with features as lanes. Each pair of query and key reads its own rows of
// positions, so no tile of queries and keys shares them; the linear layers around it take ten times
// as long.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

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

void attend(const DisentangledBlock& block, float* scratch) noexcept {
  const auto score_of = [&](size_t key) { return score(block, key); };
  const auto value = [&](size_t key) { return block.v + key * block.v_stride; };
  attend_one<kDisentangledKeyBlock>(block.y, block.dim, block.keys, score_of, value, scratch);
}

}  // namespace

LW_KERNELS(DisentangledAttentionKernels, disentangled_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
