#include "ops/attention/cached_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"

// With one query there are no 16 of them to fill the lanes: here lanes are features. A score is the
// sum over the lanes of products, a value a chain of multiply-adds over the keys.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

constexpr float kLog2E = 1.44269504088896340736f;
constexpr float kInfinity = __builtin_inff();

// Keys whose products are in flight together: an FMA takes 4 cycles and two start in each.
constexpr size_t kKeysAtOnce = 4 * kParts <= 8 ? 8 / kParts : 2;

// Rows of a cache lie kilobytes apart, in an order that the processor cannot foresee.
constexpr size_t kKeysAhead = 8;

const float* key_at(const CachedBlock& block, size_t j) noexcept {
  return block.k + static_cast<size_t>(block.rows[j]) * block.k_stride;
}

const float* value_at(const CachedBlock& block, size_t j) noexcept {
  return block.v + static_cast<size_t>(block.rows[j]) * block.v_stride;
}

void prefetch_row(const float* row, size_t n) noexcept {
  for (size_t i = 0; i < n; i += kLanes) prefetch(row + i);
}

/// scores[r] = <q, key first + r> for kKeys keys.
template <size_t kKeys>
void score_keys(const CachedBlock& block, size_t first, float* scores) noexcept {
  const float* keys[kKeys];
  f32x16 sums[kKeys];
  LW_UNROLL for (size_t r = 0; r < kKeys; ++r) {
    keys[r] = key_at(block, first + r);
    sums[r] = zero();
  }
  size_t i = 0;
  for (; i + kLanes <= block.head_dim; i += kLanes) {
    const f32x16 q = load(block.q + i);
    LW_UNROLL for (size_t r = 0; r < kKeys; ++r) sums[r] = fma(load(keys[r] + i), q, sums[r]);
  }
  if (i < block.head_dim) {
    const size_t left = block.head_dim - i;
    const f32x16 q = load_first(block.q + i, left);
    LW_UNROLL for (size_t r = 0; r < kKeys; ++r) {
      sums[r] = fma(load_first(keys[r] + i, left), q, sums[r]);
    }
  }
  LW_UNROLL for (size_t r = 0; r < kKeys; ++r) scores[r] = reduce_add(sums[r]);
}

/// The scores of the keys [first, end), in units of log2(e).
void score_block(const CachedBlock& block, size_t first, size_t end, float* scores) noexcept {
  const size_t count = end - first;
  size_t j = 0;
  for (; j + kKeysAtOnce <= count; j += kKeysAtOnce) {
    for (size_t r = 0; r < kKeysAtOnce; ++r) {
      const size_t ahead = first + j + r + kKeysAhead;
      if (ahead >= block.end) continue;
      prefetch_row(key_at(block, ahead), block.head_dim);
      prefetch_row(value_at(block, ahead), block.head_dim);
    }
    score_keys<kKeysAtOnce>(block, first + j, scores + j);
  }
  for (; j < count; ++j) score_keys<1>(block, first + j, scores + j);
  const float* bias = nullptr;
  if (block.bias.table != nullptr) {
    int64_t start = static_cast<int64_t>(first) + block.bias.shift[0];
    if (start < block.bias.first) start = block.bias.first;
    if (start > block.bias.last) start = block.bias.last;
    bias = block.bias.table[0] + start;
  }
  const float scale = block.scale * kLog2E;
  for (j = 0; j < count; ++j) {
    scores[j] = scores[j] * scale + (bias == nullptr ? 0.0f : bias[j] * kLog2E);
  }
}

/// The largest score so far; as in attention(), a NaN comes back with the weights.
float largest_of(const float* scores, size_t count, float largest) noexcept {
  for (size_t j = 0; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
  return largest;
}

/// Scores become weights 2^(score - base); returns their sum.
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

/// sums = sums * factor + sum_j weights[j] * value first + j, for kVectors * 16 features from
/// `feature` on. Even and odd keys are two chains, to hide the latency of an FMA.
template <size_t kVectors>
void add_values(const CachedBlock& block, size_t first, const float* weights, size_t count,
                size_t feature, float factor, float* sums) noexcept {
  f32x16 even[kVectors];
  f32x16 odd[kVectors];
  LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
    even[i] = load(sums + i * kLanes) * broadcast(factor);
    odd[i] = zero();
  }
  size_t j = 0;
  for (; j + 2 <= count; j += 2) {
    const float* a = value_at(block, first + j) + feature;
    const float* b = value_at(block, first + j + 1) + feature;
    const f32x16 weight_a = broadcast(weights[j]);
    const f32x16 weight_b = broadcast(weights[j + 1]);
    LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
      even[i] = fma(load(a + i * kLanes), weight_a, even[i]);
      odd[i] = fma(load(b + i * kLanes), weight_b, odd[i]);
    }
  }
  if (j < count) {
    const float* a = value_at(block, first + j) + feature;
    const f32x16 weight = broadcast(weights[j]);
    LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
      even[i] = fma(load(a + i * kLanes), weight, even[i]);
    }
  }
  LW_UNROLL for (size_t i = 0; i < kVectors; ++i) store(sums + i * kLanes, even[i] + odd[i]);
}

/// The same for the last features of a head that are no whole vector.
void add_last_values(const CachedBlock& block, size_t first, const float* weights, size_t count,
                     size_t feature, float factor, float* sums) noexcept {
  const size_t left = block.head_dim - feature;
  f32x16 chains[2] = {load(sums) * broadcast(factor), zero()};
  for (size_t j = 0; j < count; ++j) {
    const f32x16 value = load_first(value_at(block, first + j) + feature, left);
    chains[j % 2] = fma(value, broadcast(weights[j]), chains[j % 2]);
  }
  store(sums, chains[0] + chains[1]);
}

void add_block(const CachedBlock& block, size_t first, const float* weights, size_t count,
               float factor, float* sums) noexcept {
  constexpr size_t kMost = kParts == 4 ? 1 : 4;  // 8 accumulators, or all that SSE2 can hold
  size_t feature = 0;
  for (; feature + kMost * kLanes <= block.head_dim; feature += kMost * kLanes) {
    add_values<kMost>(block, first, weights, count, feature, factor, sums + feature);
  }
  for (; feature + kLanes <= block.head_dim; feature += kLanes) {
    add_values<1>(block, first, weights, count, feature, factor, sums + feature);
  }
  if (feature < block.head_dim) {
    add_last_values(block, first, weights, count, feature, factor, sums + feature);
  }
}

/// A key whose weight is 0 adds nothing, not even a NaN. Few rows will need it: one feature at a
/// time, in the same two chains.
void add_block_carefully(const CachedBlock& block, size_t first, const float* weights, size_t count,
                         float factor, float* sums) noexcept {
  for (size_t i = 0; i < block.head_dim; ++i) {
    f32x16 chains[2] = {broadcast(sums[i]) * broadcast(factor), zero()};
    for (size_t j = 0; j < count; ++j) {
      if (weights[j] == 0.0f) continue;
      const f32x16 value = broadcast(value_at(block, first + j)[i]);
      chains[j % 2] = fma(value, broadcast(weights[j]), chains[j % 2]);
    }
    store_first(sums + i, chains[0] + chains[1], 1);
  }
}

bool all_finite(const CachedBlock& block, size_t first, size_t end) noexcept {
  f32x16 check = zero();  // 0 * x is NaN if x is not finite
  for (size_t j = first; j < end; ++j) {
    const float* value = value_at(block, j);
    size_t i = 0;
    for (; i + kLanes <= block.head_dim; i += kLanes) check = fma(load(value + i), zero(), check);
    if (i < block.head_dim) {
      check = fma(load_first(value + i, block.head_dim - i), zero(), check);
    }
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

using AddBlock = void (*)(const CachedBlock& block, size_t first, const float* weights,
                          size_t count, float factor, float* sums) noexcept;

/// Blocks of keys begin at multiples of kKeyBlock, as in attention(): where the running maximum
/// changes depends on nothing but the key's place.
float attend_keys(const CachedBlock& block, AddBlock add, float* scores, float* sums) noexcept {
  float largest = -kInfinity;
  float sum = 0;
  for (size_t i = 0; i < attention_copy_stride(block.head_dim); ++i) sums[i] = 0;
  for (size_t key = block.begin / kKeyBlock * kKeyBlock; key < block.end; key += kKeyBlock) {
    const size_t first = key > block.begin ? key : block.begin;
    const size_t end = key + kKeyBlock < block.end ? key + kKeyBlock : block.end;
    const size_t count = end - first;
    score_block(block, first, end, scores);
    const float most = largest_of(scores, count, largest);
    const float base = most == -kInfinity ? 0.0f : most;
    float factor[1] = {largest - base};
    weigh(factor, 1, 0.0f);
    sum = sum * factor[0] + weigh(scores, count, base);
    add(block, first, scores, count, factor[0], sums);
    largest = most;
  }
  return sum;
}

void attend(const CachedBlock& block, float* scratch) noexcept {
  float* scores = scratch;
  float* sums = scratch + kKeyBlock;
  float sum = attend_keys(block, add_block, scores, sums);
  if (any_nan(sums, block.head_dim) && !all_finite(block, block.begin, block.end)) {
    sum = attend_keys(block, add_block_carefully, scores, sums);
  }
  const f32x16 factor = broadcast(sum == 0.0f ? 0.0f : 1.0f / sum);
  // Adding 0 makes 0 of -0, as in attention().
  size_t i = 0;
  for (; i + kLanes <= block.head_dim; i += kLanes) {
    store(block.y + i, fma(load(sums + i), factor, zero()));
  }
  if (i < block.head_dim) {
    store_first(block.y + i, fma(load(sums + i), factor, zero()), block.head_dim - i);
  }
}

}  // namespace

LW_KERNELS(CachedAttentionKernels, cached_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
