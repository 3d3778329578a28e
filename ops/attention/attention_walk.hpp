#pragma once

/// Attention of a block of queries to the keys that they see, for any kind of products
/// (attention_tiles.hpp). For kernel sources only.

#include "ops/activation/activation_math.hpp"
#include "ops/attention/attention_rows.hpp"
#include "ops/attention/attention_tiles.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

static_assert(kAttentionLanes == kLanes && kGroupPanels <= kAttentionPanels);
static_assert(kQueryBlock % kGroupRows == 0);

/// Up to kGroupRows queries, processed together.
struct Group {
  size_t first_row;
  size_t panels;
  float* q;        // [panels][units of head_dim][16], times scale * log2(e)
  float* y;        // [panels][head_dim][16], sums so far, not yet divided; unset before the first
  float* largest;  // [panels][16], the largest score so far
  float* sum;      // [panels][16], the sum of the weights so far
  bool empty;      // no key was added yet
};

/// Keys [begin, end) of one block.
struct Keys {
  size_t begin;
  size_t end;
  size_t count() const { return end - begin; }
};

/// Buffers shared by all groups.
struct Buffers {
  float* scores;  // [kGroupPanels][kKeyBlock][16]; then weights, 16 units side by side
  float* bias;    // [kKeyBlock][16]
  float* k;       // [kKeyBlock][stride], copied as units along head_dim
  float* v;       // [units of kKeyBlock][stride], copied as units along the keys
  size_t stride;  // head_dim, rounded up to whole vectors
  Keys copied;
  bool finite;  // all of v

  const float* key(size_t j) const { return k + (j - copied.begin) * stride; }
  /// The unit that begins with value j.
  template <typename Products>
  const float* value(size_t j) const {
    return v + (j - copied.begin) / Products::kTogether * stride;
  }
};

/// The number of units for `count` numbers.
template <typename Products>
constexpr size_t units_of(size_t count) {
  return (count + Products::kTogether - 1) / Products::kTogether;
}

template <typename Products>
void score_keys(const AttentionBlock& block, const Group& group, const Buffers& buffers,
                const Keys& keys, float* largest) noexcept {
  for (TileWalk walk(keys.count()); !walk.done(); walk.next()) {
    const ScoreTile tile{buffers.key(keys.begin + walk.begin()),
                         buffers.stride,
                         group.q,
                         units_of<Products>(block.head_dim),
                         buffers.scores + walk.begin() * kLanes,
                         largest};
    kTiles<Products>[walk.rows()].score[group.panels - 1](tile);
  }
}

template <typename Products>
void add_values(const AttentionBlock& block, const Group& group, const Buffers& buffers,
                const Keys& keys, const float* factor) noexcept {
  for (TileWalk walk(block.head_dim); !walk.done(); walk.next()) {
    const ValueTile tile{buffers.value<Products>(keys.begin) + walk.begin(),
                         buffers.stride,
                         buffers.scores,
                         units_of<Products>(keys.count()),
                         factor,
                         group.y + walk.begin() * kLanes,
                         block.head_dim};
    kTiles<Products>[walk.rows()].value[group.panels - 1](tile);
  }
}

/// Like add_values, bit for bit, for values that are not all finite: a weight of zero ignores its
/// value, even a NaN. One feature at a time, because it is rarely needed.
template <typename Products>
void add_values_carefully(const AttentionBlock& block, const Group& group, const Buffers& buffers,
                          const Keys& keys, const float* factor) noexcept {
  const size_t units = units_of<Products>(keys.count());
  for (size_t p = 0; p < group.panels; ++p) {
    const float* weights = buffers.scores + p * kScorePanel;
    for (size_t i = 0; i < block.head_dim; ++i) {
      float* y = group.y + (p * block.head_dim + i) * kLanes;
      const float* v = buffers.value<Products>(keys.begin) + i;
      f32x16 sum = factor == nullptr ? zero() : load(y) * load(factor + p * kLanes);
      for (size_t unit = 0; unit < units; ++unit, v += buffers.stride) {
        const typename Products::Vector weight = Products::load(weights + unit * kLanes);
        const auto value = Products::where_not_zero(weight, Products::broadcast(v));
        sum = Products::multiply_add(value, weight, sum);
      }
      store(y, sum);
    }
  }
}

size_t clamp(int64_t value, size_t low, size_t high) noexcept {
  if (value < static_cast<int64_t>(low)) return low;
  return value > static_cast<int64_t>(high) ? high : static_cast<size_t>(value);
}

/// The keys of [block_begin, block_begin + kKeyBlock) that any of these rows sees.
Keys seen_by_any(const AttentionBlock& block, size_t row, size_t row_end,
                 size_t block_begin) noexcept {
  const size_t block_end = block_begin + kKeyBlock;
  Keys keys{block_end, block_begin};
  for (; row < row_end; ++row) {
    const size_t begin = clamp(block.begin[row], block_begin, block_end);
    const size_t end = clamp(block.end[row], block_begin, block_end);
    if (begin >= end) continue;
    if (begin < keys.begin) keys.begin = begin;
    if (end > keys.end) keys.end = end;
  }
  return keys;
}

bool seen_by_all(const AttentionBlock& block, const Group& group, const Keys& keys) noexcept {
  bool all = true;
  for (size_t r = 0; r < group.panels * kLanes; ++r) {
    all = all && block.begin[group.first_row + r] <= static_cast<int64_t>(keys.begin) &&
          block.end[group.first_row + r] >= static_cast<int64_t>(keys.end);
  }
  return all;
}

/// Scores are in units of log2(e), hence the cap is too.
void cap_scores(float soft_cap, size_t keys, float* scores) noexcept {
  const f32x16 cap = broadcast(soft_cap * kLog2E);
  for (size_t j = 0; j < keys * kLanes; j += kLanes) {
    store(scores + j, cap * tanh(load(scores + j) / cap));
  }
}

/// Adds the bias to the scores of one panel, whose first row is `row`.
void add_bias(const AttentionBlock& block, size_t row, const Keys& keys, float* scores,
              float* scratch) noexcept {
  const AttentionBias& bias = block.bias;
  const float* rows[kLanes];
  for (size_t r = 0; r < kLanes; ++r) {
    int64_t start = static_cast<int64_t>(keys.begin) + bias.shift[row + r];
    if (start < bias.first) start = bias.first;
    if (start > bias.last) start = bias.last;
    rows[r] = bias.table[row + r] + start;
  }
  gather_rows(rows, keys.count(), kLog2E, scratch);
  for (size_t j = 0; j < keys.count() * kLanes; j += kLanes) {
    store(scores + j, load(scores + j) + load(scratch + j));
  }
}

/// Sets the scores that a lane must not see to -inf.
void hide(const AttentionBlock& block, size_t row, const Keys& keys, float* scores) noexcept {
  alignas(64) float begin[kLanes];
  alignas(64) float end[kLanes];
  for (size_t r = 0; r < kLanes; ++r) {
    begin[r] = static_cast<float>(clamp(block.begin[row + r], keys.begin, keys.end) - keys.begin);
    end[r] = static_cast<float>(clamp(block.end[row + r], keys.begin, keys.end) - keys.begin);
  }
  const f32x16 first = load(begin);
  const f32x16 behind = load(end);
  const f32x16 hidden = broadcast(-kInfinity);
  for (size_t j = 0; j < keys.count(); ++j) {
    const f32x16 key = broadcast(static_cast<float>(j));
    const f32x16 score = load(scores + j * kLanes);
    const f32x16 from_first = select(less(key, first), hidden, score);
    store(scores + j * kLanes, select(less(key, behind), from_first, hidden));
  }
}

/// Whether scores are more than products.
bool adjusts_scores(const AttentionBlock& block) noexcept {
  return block.soft_cap > 0 || block.bias.table != nullptr;
}

/// Cap, bias and mask; the largest scores are found again.
void adjust_scores(const AttentionBlock& block, const Group& group, const Buffers& buffers,
                   const Keys& keys, bool all_seen, float* largest) noexcept {
  for (size_t p = 0; p < group.panels; ++p) {
    float* scores = buffers.scores + p * kScorePanel;
    const size_t row = group.first_row + p * kLanes;
    if (block.soft_cap > 0) cap_scores(block.soft_cap, keys.count(), scores);
    if (block.bias.table != nullptr) add_bias(block, row, keys, scores, buffers.bias);
    if (!all_seen) hide(block, row, keys, scores);
    f32x16 most = load(group.largest + p * kLanes);
    for (size_t j = 0; j < keys.count() * kLanes; j += kLanes) most = max(load(scores + j), most);
    store(largest + p * kLanes, most);
  }
}

/// Turns scores into weights 2^(score - largest) and updates the running maximum and sum. `factor`
/// is what earlier sums must be multiplied by.
template <typename Products>
void weigh(const Group& group, const Buffers& buffers, size_t keys, const float* largest,
           float* factor) noexcept {
  for (size_t p = 0; p < group.panels; ++p) {
    const f32x16 most = load(largest + p * kLanes);
    // Rows that have seen nothing yet: -inf - 0 instead of -inf - -inf.
    const f32x16 base = select(equal(most, broadcast(-kInfinity)), zero(), most);
    const f32x16 scale = exp2(load(group.largest + p * kLanes) - base);
    float* scores = buffers.scores + p * kScorePanel;
    f32x16 sum = zero();
    for (size_t unit = 0; unit < units_of<Products>(keys); ++unit) {
      f32x16 weights[Products::kTogether];
      LW_UNROLL for (size_t i = 0; i < Products::kTogether; ++i) {
        const size_t key = unit * Products::kTogether + i;
        // If the number of keys is odd, the second half of the last pair gets weight 0.
        const bool missing = i > 0 && key == keys;
        weights[i] = missing ? zero() : exp2(load(scores + key * kLanes) - base);
        sum = sum + weights[i];
      }
      Products::store_weights(scores + unit * kLanes, weights);
    }
    store(group.largest + p * kLanes, most);
    store(group.sum + p * kLanes, fma(load(group.sum + p * kLanes), scale, sum));
    store(factor + p * kLanes, scale);
  }
}

template <typename Products>
void attend_keys(const AttentionBlock& block, Group& group, const Buffers& buffers,
                 const Keys& keys) noexcept {
  alignas(64) float largest[kGroupRows];
  alignas(64) float factor[kGroupRows];
  std::memcpy(largest, group.largest, group.panels * kLanes * sizeof(float));
  score_keys<Products>(block, group, buffers, keys, largest);
  const bool all_seen = seen_by_all(block, group, keys);
  if (!all_seen || adjusts_scores(block)) {
    adjust_scores(block, group, buffers, keys, all_seen, largest);
  }
  weigh<Products>(group, buffers, keys.count(), largest, factor);
  const auto add = buffers.finite ? add_values<Products> : add_values_carefully<Products>;
  add(block, group, buffers, keys, group.empty ? nullptr : factor);
  group.empty = false;
}

void prefetch_keys(const AttentionBlock& block, const Keys& keys) noexcept {
  for (size_t j = keys.begin; j < keys.end; ++j) {
    prefetch_row(block.k + j * block.k_stride, block.head_dim);
    prefetch_row(block.v + j * block.v_stride, block.head_dim);
  }
}

/// The keys that any row of the block sees, from the first to the last.
Keys seen_keys(const AttentionBlock& block) noexcept {
  int32_t begin = INT32_MAX;
  int32_t end = 0;
  for (size_t r = 0; r < block.rows; ++r) {
    if (block.begin[r] >= block.end[r]) continue;
    if (block.begin[r] < begin) begin = block.begin[r];
    if (block.end[r] > end) end = block.end[r];
  }
  if (begin >= end) return {0, 0};
  return {static_cast<size_t>(begin), static_cast<size_t>(end)};
}

/// The part of `keys` in the block of keys that begins at `key`.
Keys part_in_block(const Keys& keys, size_t key) noexcept {
  const size_t begin = keys.begin > key ? keys.begin : key;
  const size_t end = keys.end < key + kKeyBlock ? keys.end : key + kKeyBlock;
  return {begin, end};
}

/// Starts at a unit boundary: which keys share a unit must not depend on who sees them.
template <typename Products>
Keys whole_units(const Keys& keys) noexcept {
  return {keys.begin / Products::kTogether * Products::kTogether, keys.end};
}

template <typename Products>
void copy_keys(const AttentionBlock& block, const Keys& keys, Buffers& buffers) noexcept {
  buffers.copied = keys;
  Products::copy_keys(block.k + keys.begin * block.k_stride, block.k_stride, keys.count(),
                      block.head_dim, buffers.k, buffers.stride);
  buffers.finite = Products::copy_values(block.v + keys.begin * block.v_stride, block.v_stride,
                                         keys.count(), block.head_dim, buffers.v, buffers.stride);
}

/// The outer loop is over key blocks: a block is copied once for all groups.
template <typename Products>
void attend_groups(const AttentionBlock& block, const Keys& seen, Group* groups, size_t count,
                   Buffers& buffers) noexcept {
  for (size_t key = seen.begin / kKeyBlock * kKeyBlock; key < seen.end; key += kKeyBlock) {
    copy_keys<Products>(block, whole_units<Products>(part_in_block(seen, key)), buffers);
    prefetch_keys(block, part_in_block(seen, key + kKeyBlock));
    for (size_t g = 0; g < count; ++g) {
      const size_t row = groups[g].first_row;
      const Keys keys = seen_by_any(block, row, row + groups[g].panels * kLanes, key);
      if (keys.begin >= keys.end) continue;
      attend_keys<Products>(block, groups[g], buffers, whole_units<Products>(keys));
    }
  }
}

/// A group without keys yet, with its scaled queries; takes its memory from `scratch`.
template <typename Products>
Group make_group(const AttentionBlock& block, size_t row, float*& scratch) noexcept {
  const size_t rows = block.rows - row < kGroupRows ? block.rows - row : kGroupRows;
  const size_t floats = kGroupRows * block.head_dim;
  float* running = scratch + 2 * floats;
  const Group group{row,     (rows + kLanes - 1) / kLanes, scratch, scratch + floats,
                    running, running + kGroupRows,         true};
  scratch = running + 2 * kGroupRows;
  for (size_t p = 0; p < group.panels; ++p) {
    Products::gather_queries(block.q + row + p * kLanes, block.head_dim, block.scale * kLog2E,
                             group.q + p * units_of<Products>(block.head_dim) * kLanes);
    store(group.largest + p * kLanes, broadcast(-kInfinity));
    store(group.sum + p * kLanes, zero());
  }
  return group;
}

/// Divides by the sums of the weights; rows that saw nothing are 0.
void write_group(const AttentionBlock& block, const Group& group) noexcept {
  alignas(64) float factor[kLanes];
  for (size_t p = 0; p < group.panels; ++p) {
    float* y = group.y + p * block.head_dim * kLanes;
    if (group.empty) std::memset(y, 0, block.head_dim * kLanes * sizeof(float));
    const f32x16 sum = load(group.sum + p * kLanes);
    store(factor, select(equal(sum, zero()), zero(), broadcast(1.0f) / sum));
    const size_t row = group.first_row + p * kLanes;
    const size_t rows = block.rows - row < kLanes ? block.rows - row : kLanes;
    scatter_rows(y, block.head_dim, factor, block.y + row, rows);
  }
}

template <typename Products>
void attend(const AttentionBlock& block, float* scratch) noexcept {
  Group groups[kQueryBlock / kGroupRows];
  Buffers buffers{};
  buffers.scores = scratch;
  buffers.bias = buffers.scores + kAttentionPanels * kScorePanel;
  buffers.stride = attention_copy_stride(block.head_dim);
  buffers.k = buffers.bias + kScorePanel;
  buffers.v = buffers.k + kKeyBlock * buffers.stride;
  scratch = buffers.v + kKeyBlock * buffers.stride;
  for (size_t r = 0; r < block.rows; ++r) prefetch_row(block.q[r], block.head_dim);
  const Keys seen = seen_keys(block);
  prefetch_keys(block, part_in_block(seen, seen.begin / kKeyBlock * kKeyBlock));
  size_t count = 0;
  for (size_t row = 0; row < block.rows; row += kGroupRows) {
    groups[count++] = make_group<Products>(block, row, scratch);
  }
  for (size_t r = 0; r < block.rows; ++r) prefetch_row(block.y[r], block.head_dim);
  attend_groups<Products>(block, seen, groups, count, buffers);
  for (size_t g = 0; g < count; ++g) write_group(block, groups[g]);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
