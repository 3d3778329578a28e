#include "ops/attention/cached_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

// A single query cannot fill 16 lanes, so lanes are features. A score is the sum over the lanes of
// products, a value a chain of multiply-adds over the keys. Time goes into waiting for the rows of
// the cache, so all heads pass over a few rows before the next few: each row is read from end to
// end.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Keys whose products are in flight at once: an FMA takes 4 cycles and two start in each.
constexpr size_t kKeysAtOnce = 4 * kParts <= 8 ? 8 / kParts : 2;

// Values added to the sums of one head before the next head: enough that loading and storing the
// sums matters little. Even, for the two chains of add_values().
constexpr size_t kValuesAtOnce = 8;

/// The column of a head's keys and values in their rows.
LW_INLINE size_t column_of(const CachedBlock& block, size_t head) noexcept {
  return head / block.group * block.head_dim;
}

LW_INLINE const float* key_at(const CachedBlock& block, size_t j) noexcept {
  return block.k + static_cast<size_t>(block.rows[j]) * block.k_stride;
}

LW_INLINE const float* value_at(const CachedBlock& block, size_t j) noexcept {
  return block.v + static_cast<size_t>(block.rows[j]) * block.v_stride;
}

/// The state of each head from block to block of keys, and its working memory.
struct Running {
  explicit Running(const CachedBlock& block, float* scratch) noexcept
      : stride(attention_copy_stride(block.head_dim)),
        scores(scratch),
        even(scratch + kCachedHeads * kKeyBlock),
        odd(even + kCachedHeads * stride) {
    for (size_t h = 0; h < block.heads; ++h) {
      largest[h] = -kInfinity;
      sum[h] = 0;
    }
    for (size_t i = 0; i < block.heads * stride; ++i) even[i] = 0;
  }

  float* scores_of(size_t head) const noexcept { return scores + head * kKeyBlock; }
  float* even_of(size_t head) const noexcept { return even + head * stride; }
  float* odd_of(size_t head) const noexcept { return odd + head * stride; }

  size_t stride;
  float* scores;  // [heads][kKeyBlock], then weights
  float* even;    // [heads][stride], sums of values at even keys, and of blocks before
  float* odd;     // [heads][stride], of values at odd keys
  float largest[kCachedHeads];  // largest score so far
  float sum[kCachedHeads];      // of weights
};

/// scores[r] = <q, keys[r] + column> for kKeys keys.
template <size_t kKeys>
LW_INLINE void score_keys(const float* q, const float* const* keys, size_t column, size_t head_dim,
                          float* scores) noexcept {
  f32x16 sums[kKeys];
  LW_UNROLL for (size_t r = 0; r < kKeys; ++r) sums[r] = zero();
  size_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) {
    const f32x16 part = load(q + i);
    LW_UNROLL for (size_t r = 0; r < kKeys; ++r) {
      sums[r] = fma(load(keys[r] + column + i), part, sums[r]);
    }
  }
  if (i < head_dim) {
    const size_t left = head_dim - i;
    const f32x16 part = load_first(q + i, left);
    LW_UNROLL for (size_t r = 0; r < kKeys; ++r) {
      sums[r] = fma(load_first(keys[r] + column + i, left), part, sums[r]);
    }
  }
  LW_UNROLL for (size_t r = 0; r < kKeys; ++r) scores[r] = reduce_add(sums[r]);
}

/// The products of all heads with kKeys keys from `key` on, the first of which has index `at` in
/// the block.
template <size_t kKeys>
void score_heads(const CachedBlock& block, size_t key, size_t at, const Running& run) noexcept {
  const float* keys[kKeys];
  LW_UNROLL for (size_t r = 0; r < kKeys; ++r) keys[r] = key_at(block, key + r);
  for (size_t h = 0; h < block.heads; ++h) {
    score_keys<kKeys>(block.q + h * block.head_dim, keys, column_of(block, h), block.head_dim,
                      run.scores_of(h) + at);
  }
}

void cap_scores(float soft_cap, size_t count, float* scores) noexcept {
  const f32x16 cap = broadcast(soft_cap);
  for (size_t j = 0; j < count; j += kLanes) {
    const size_t left = count - j < kLanes ? count - j : kLanes;
    store_first(scores + j, cap * tanh(load_first(scores + j, left) / cap), left);
  }
}

/// Scores in units of log2(e), capped.
void scale_scores(const CachedBlock& block, size_t count, float* scores) noexcept {
  float scale = block.scale * kLog2E;
  if (block.soft_cap > 0) {
    for (size_t j = 0; j < count; ++j) scores[j] *= block.scale;
    cap_scores(block.soft_cap, count, scores);
    scale = kLog2E;
  }
  for (size_t j = 0; j < count; ++j) scores[j] *= scale;
}

/// The scores of the keys [first, end).
void score_block(const CachedBlock& block, size_t first, size_t end, const Running& run) noexcept {
  size_t key = first;
  for (; key + kKeysAtOnce <= end; key += kKeysAtOnce) {
    score_heads<kKeysAtOnce>(block, key, key - first, run);
  }
  for (; key < end; ++key) score_heads<1>(block, key, key - first, run);
  for (size_t h = 0; h < block.heads; ++h) {
    scale_scores(block, end - first, run.scores_of(h));
  }
}

/// The largest score so far; a NaN is dropped here and comes back with the weights, as in
/// attention().
float largest_of(const float* scores, size_t count, float largest) noexcept {
  for (size_t j = 0; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
  return largest;
}

/// Turns scores into weights 2^(score - base); returns their sum.
float weigh(float* scores, size_t count, float base) noexcept {
  f32x16 sum = zero();
  size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const f32x16 weight = exp2(load(scores + j) - broadcast(base));
    store(scores + j, weight);
    sum = sum + weight;
  }
  if (j < count) {
    const f32x16 weight = exp2(load_first(scores + j, count - j) - broadcast(base));
    store_first(scores + j, weight, count - j);
    sum = sum + load_first(scores + j, count - j);
  }
  return reduce_add(sum);
}

/// even, odd += weights[j] * values[j] + feature for even and odd j < count, kVectors * 16
/// features: two chains, to hide the latency of an FMA.
template <size_t kVectors>
LW_INLINE void add_values(const float* const* values, const float* weights, size_t count,
                          size_t feature, float* even, float* odd) noexcept {
  f32x16 sum[2][kVectors];
  LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
    sum[0][i] = load(even + i * kLanes);
    sum[1][i] = load(odd + i * kLanes);
  }
  size_t j = 0;
  for (; j + 2 <= count; j += 2) {
    LW_UNROLL for (size_t chain = 0; chain < 2; ++chain) {
      const float* value = values[j + chain] + feature;
      const f32x16 weight = broadcast(weights[j + chain]);
      LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
        sum[chain][i] = fma(load(value + i * kLanes), weight, sum[chain][i]);
      }
    }
  }
  if (j < count) {
    const f32x16 weight = broadcast(weights[j]);
    LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
      sum[0][i] = fma(load(values[j] + feature + i * kLanes), weight, sum[0][i]);
    }
  }
  LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
    store(even + i * kLanes, sum[0][i]);
    store(odd + i * kLanes, sum[1][i]);
  }
}

/// The same for the last features of a head, fewer than a vector.
LW_INLINE void add_last_values(const float* const* values, const float* weights, size_t count,
                               size_t feature, size_t left, float* even, float* odd) noexcept {
  f32x16 sum[2] = {load(even), load(odd)};
  for (size_t j = 0; j < count; ++j) {
    sum[j % 2] = fma(load_first(values[j] + feature, left), broadcast(weights[j]), sum[j % 2]);
  }
  store(even, sum[0]);
  store(odd, sum[1]);
}

/// Up to kValuesAtOnce values for one head.
LW_INLINE void add_head(const float* const* values, const float* weights, size_t count,
                        size_t column, size_t head_dim, float* even, float* odd) noexcept {
  constexpr size_t kMost = kParts == 1 ? 4 : kParts == 2 ? 2 : 1;  // 8 accumulators
  size_t i = 0;
  for (; i + kMost * kLanes <= head_dim; i += kMost * kLanes) {
    add_values<kMost>(values, weights, count, column + i, even + i, odd + i);
  }
  for (; i + kLanes <= head_dim; i += kLanes) {
    add_values<1>(values, weights, count, column + i, even + i, odd + i);
  }
  if (i < head_dim) {
    add_last_values(values, weights, count, column + i, head_dim - i, even + i, odd + i);
  }
}

/// Adds the values of the keys [first, end), whose weights have replaced their scores.
void add_block(const CachedBlock& block, size_t first, size_t end, const Running& run) noexcept {
  for (size_t key = first; key < end; key += kValuesAtOnce) {
    const size_t count = end - key < kValuesAtOnce ? end - key : kValuesAtOnce;
    const float* values[kValuesAtOnce];
    for (size_t j = 0; j < count; ++j) values[j] = value_at(block, key + j);
    for (size_t h = 0; h < block.heads; ++h) {
      add_head(values, run.scores_of(h) + key - first, count, column_of(block, h), block.head_dim,
               run.even_of(h), run.odd_of(h));
    }
  }
}

/// A key whose weight is 0 adds nothing, not even a NaN. Rarely needed, so one feature at a time,
/// in the same two chains.
void add_block_carefully(const CachedBlock& block, size_t first, size_t end,
                         const Running& run) noexcept {
  for (size_t h = 0; h < block.heads; ++h) {
    const float* weights = run.scores_of(h);
    const size_t column = column_of(block, h);
    for (size_t i = 0; i < block.head_dim; ++i) {
      float* chains[2] = {run.even_of(h) + i, run.odd_of(h) + i};
      for (size_t j = 0; j < end - first; ++j) {
        if (weights[j] == 0.0f) continue;
        const f32x16 value = broadcast(value_at(block, first + j)[column + i]);
        float* sum = chains[j % 2];
        store_first(sum, fma(value, broadcast(weights[j]), broadcast(*sum)), 1);
      }
    }
  }
}

/// Whether all values that the query sees are finite, in all its heads.
bool all_finite(const CachedBlock& block) noexcept {
  const size_t n = column_of(block, block.heads - 1) + block.head_dim;
  f32x16 check = zero();  // 0 * x is NaN if x is not finite
  for (size_t j = block.begin; j < block.end; ++j) {
    const float* value = value_at(block, j);
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) check = fma(load(value + i), zero(), check);
    if (i < n) check = fma(load_first(value + i, n - i), zero(), check);
  }
  const float folded = reduce_add(check);
  return folded == folded;
}

bool any_nan(const float* x, size_t n) noexcept {
  f32x16 check = zero();
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) check = fma(load(x + i), zero(), check);
  if (i < n) check = fma(load_first(x + i, n - i), zero(), check);
  const float folded = reduce_add(check);
  return folded != folded;
}

/// Turns the scores of a block into weights relative to the largest score so far, and rescales the
/// sums of values to it.
void weigh_block(size_t head, size_t count, Running& run) noexcept {
  float* scores = run.scores_of(head);
  const float most = largest_of(scores, count, run.largest[head]);
  const float base = most == -kInfinity ? 0.0f : most;
  float factor[1] = {run.largest[head] - base};
  weigh(factor, 1, 0.0f);
  run.sum[head] = run.sum[head] * factor[0] + weigh(scores, count, base);
  run.largest[head] = most;
  float* even = run.even_of(head);
  float* odd = run.odd_of(head);
  for (size_t i = 0; i < run.stride; i += kLanes) {
    store(even + i, load(even + i) * broadcast(factor[0]));
    store(odd + i, zero());
  }
}

using AddBlock = void (*)(const CachedBlock& block, size_t first, size_t end,
                          const Running& run) noexcept;

/// Leaves the weighted sums of values in run.even. Blocks of keys begin at multiples of kKeyBlock,
/// as in attention(): where the running maximum changes depends only on the position of the key.
void attend_keys(const CachedBlock& block, AddBlock add, Running& run) noexcept {
  for (size_t key = block.begin / kKeyBlock * kKeyBlock; key < block.end; key += kKeyBlock) {
    const size_t first = key > block.begin ? key : block.begin;
    const size_t end = key + kKeyBlock < block.end ? key + kKeyBlock : block.end;
    score_block(block, first, end, run);
    for (size_t h = 0; h < block.heads; ++h) weigh_block(h, end - first, run);
    add(block, first, end, run);
    for (size_t i = 0; i < block.heads * run.stride; i += kLanes) {
      store(run.even + i, load(run.even + i) + load(run.odd + i));
    }
  }
}

void store_result(const CachedBlock& block, size_t head, const Running& run) noexcept {
  const float sum = run.sum[head];
  const f32x16 factor = broadcast(sum == 0.0f ? 0.0f : 1.0f / sum);
  const float* sums = run.even_of(head);
  float* y = block.y + head * block.head_dim;
  // Adding 0 turns -0 into 0, as in attention().
  size_t i = 0;
  for (; i + kLanes <= block.head_dim; i += kLanes) {
    store(y + i, fma(load(sums + i), factor, zero()));
  }
  if (i < block.head_dim) {
    store_first(y + i, fma(load(sums + i), factor, zero()), block.head_dim - i);
  }
}

void attend(const CachedBlock& block, float* scratch) noexcept {
  Running run(block, scratch);
  attend_keys(block, add_block, run);
  if (any_nan(run.even, block.heads * run.stride) && !all_finite(block)) {
    run = Running(block, scratch);
    attend_keys(block, add_block_carefully, run);
  }
  for (size_t h = 0; h < block.heads; ++h) store_result(block, h, run);
}

}  // namespace

LW_KERNELS(CachedAttentionKernels, cached_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
