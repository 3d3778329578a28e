#include "ops/attention/paged_attention_kernels.hpp"

#include "ops/activation/activation_math.hpp"
#include "ops/simd.hpp"
#include "ops/simd_codes.hpp"

// Two products like those of a linear layer: S = Q Kᵀ with a page of keys for a panel of 16
// columns, y = P V with 16 features for one. Scalars come from rows of queries and of weights, so
// one row and many are the same code, in tiles of other sizes: a score is one chain over the
// features, a result one chain over the keys, whatever the tile.
//
// Pages of other types than f32 are widened a block of keys at a time, for all rows at once.

namespace lanewise::ops::LW_ISA_NAME {
namespace {

static_assert(static_cast<size_t>(kPageTokens) == kLanes);
static_assert(kKeyBlock % kLanes == 0);

// Vectors of sums that fit in the registers beside the operands.
constexpr size_t kSums = kParts == 1 ? 24 : kParts == 2 ? 6 : 3;
// The rows of a tile: two columns of it fill the registers, or one.
constexpr size_t kTileRows = kParts == 1 ? kSums / 2 : kSums;
static_assert(kTileRows <= kPagedTileRows);

/// The most columns of a tile of kRows rows, a power of two. With few rows, several chains hide the
/// latency of an FMA.
template <size_t kRows>
constexpr size_t columns_of_tile() {
  size_t columns = 8;
  while (columns > 1 && columns * kRows > kSums) columns /= 2;
  return columns;
}

/// The state of the rows from block to block of keys, and working memory.
struct Running {
  Running(const PagedBlock& block, float* scratch) noexcept
      : stride(attention_copy_stride(block.head_dim)),
        q(scratch),
        y(q + kPagedRows * stride),
        scores(y + kPagedRows * stride),
        widened(scores + kPagedTileRows * kKeyBlock) {
    for (size_t r = 0; r < block.rows; ++r) {
      largest[r] = -kInfinity;
      sum[r] = 0;
    }
    for (size_t i = 0; i < block.rows * stride; i += kLanes) store(y + i, zero());
  }

  size_t stride;
  float* q;                   // [rows][stride], scaled
  float* y;                   // [rows][stride], sums of weighted values so far
  float* scores;              // [tile rows][kKeyBlock], then weights
  float* widened;             // the pages of a block of keys as f32; none if they are f32
  float largest[kPagedRows];  // score so far, in units of log2(e)
  float sum[kPagedRows];      // of weights so far

  // The pages of the block of keys, as f32, and where the head begins in one.
  const float* const* pages = nullptr;
  size_t keys = 0;
  size_t values = 0;
  const float* widened_pages[kKeyBlock / kLanes];
};

/// Rows of a tile, and the keys of one block that any of them sees: [begin, end), in pages [page,
/// page_end).
struct Tile {
  size_t row;
  size_t rows;
  size_t block;  // the first key of the block
  size_t begin;
  size_t end;

  size_t page() const noexcept { return begin / kLanes; }
  size_t page_end() const noexcept { return (end + kLanes - 1) / kLanes; }
  /// The index of a page in its block.
  size_t in_block(size_t page) const noexcept { return page - block / kLanes; }
  /// The index of a page's first key among the scores of a row.
  size_t column(size_t page) const noexcept { return page * kLanes - block; }
};

/// scores[r][p] = Q Kᵀ for kRows rows and kPages pages from `page` on.
template <size_t kRows, size_t kPages>
void score_pages(const PagedBlock& block, const Tile& tile, size_t page,
                 const Running& run) noexcept {
  const float* keys[kPages];
  LW_UNROLL for (size_t p = 0; p < kPages; ++p) {
    keys[p] = run.pages[tile.in_block(page + p)] + run.keys;
  }
  const float* q = run.q + tile.row * run.stride;
  f32x16 sums[kRows][kPages];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPages; ++p) sums[r][p] = zero();
  }
  for (size_t i = 0; i < block.head_dim; ++i) {
    f32x16 key[kPages];
    LW_UNROLL for (size_t p = 0; p < kPages; ++p) key[p] = load(keys[p] + i * kLanes);
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const f32x16 query = broadcast(q[r * run.stride + i]);
      LW_UNROLL for (size_t p = 0; p < kPages; ++p) sums[r][p] = fma(query, key[p], sums[r][p]);
    }
  }
  float* scores = run.scores + tile.column(page);
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPages; ++p) {
      store(scores + r * kKeyBlock + p * kLanes, sums[r][p]);
    }
  }
}

/// Pages from `page` on in tiles of kPages, the rest in smaller ones.
template <size_t kRows, size_t kPages>
void score_from(const PagedBlock& block, const Tile& tile, size_t page,
                const Running& run) noexcept {
  for (; page + kPages <= tile.page_end(); page += kPages) {
    score_pages<kRows, kPages>(block, tile, page, run);
  }
  if constexpr (kPages > 1) score_from<kRows, kPages / 2>(block, tile, page, run);
}

template <size_t kRows>
void score_tile(const PagedBlock& block, const Tile& tile, const Running& run) noexcept {
  score_from<kRows, columns_of_tile<kRows>()>(block, tile, tile.page(), run);
}

/// y[r][feature] += P V for kRows rows and kVectors * 16 features from `feature` on.
template <size_t kRows, size_t kVectors>
void add_features(const Tile& tile, size_t feature, const Running& run) noexcept {
  float* y = run.y + tile.row * run.stride + feature;
  f32x16 sums[kRows][kVectors];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
      sums[r][i] = load(y + r * run.stride + i * kLanes);
    }
  }
  for (size_t page = tile.page(); page < tile.page_end(); ++page) {
    const size_t first = page * kLanes;
    const size_t begin = tile.begin > first ? tile.begin : first;
    const size_t end = tile.end < first + kLanes ? tile.end : first + kLanes;
    const float* value =
        run.pages[tile.in_block(page)] + run.values + (begin - first) * run.stride + feature;
    const float* weight = run.scores + (begin - tile.block);
    for (size_t j = begin; j < end; ++j, value += run.stride, ++weight) {
      f32x16 v[kVectors];
      LW_UNROLL for (size_t i = 0; i < kVectors; ++i) v[i] = load(value + i * kLanes);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        const f32x16 w = broadcast(weight[r * kKeyBlock]);
        LW_UNROLL for (size_t i = 0; i < kVectors; ++i) sums[r][i] = fma(v[i], w, sums[r][i]);
      }
    }
  }
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t i = 0; i < kVectors; ++i) {
      store(y + r * run.stride + i * kLanes, sums[r][i]);
    }
  }
}

template <size_t kRows, size_t kVectors>
void add_from(const Tile& tile, size_t feature, const Running& run) noexcept {
  for (; feature + kVectors * kLanes <= run.stride; feature += kVectors * kLanes) {
    add_features<kRows, kVectors>(tile, feature, run);
  }
  if constexpr (kVectors > 1) add_from<kRows, kVectors / 2>(tile, feature, run);
}

template <size_t kRows>
void add_tile(const Tile& tile, const Running& run) noexcept {
  add_from<kRows, columns_of_tile<kRows>()>(tile, 0, run);
}

/// Like add_tile, bit for bit, but a key whose weight is 0 adds nothing, not even a NaN.
void add_tile_carefully(const Tile& tile, const Running& run) noexcept {
  for (size_t r = 0; r < tile.rows; ++r) {
    float* y = run.y + (tile.row + r) * run.stride;
    const float* weights = run.scores + r * kKeyBlock;
    for (size_t j = tile.begin; j < tile.end; ++j) {
      const float weight = weights[j - tile.block];
      if (weight == 0.0f) continue;
      const float* page = run.pages[tile.in_block(j / kLanes)];
      const float* value = page + run.values + j % kLanes * run.stride;
      for (size_t i = 0; i < run.stride; i += kLanes) {
        store(y + i, fma(load(value + i), broadcast(weight), load(y + i)));
      }
    }
  }
}

struct TileFunctions {
  void (*score)(const PagedBlock& block, const Tile& tile, const Running& run) noexcept;
  void (*add)(const Tile& tile, const Running& run) noexcept;
};

template <size_t kRows>
constexpr TileFunctions functions_of() {
  return {score_tile<kRows>, add_tile<kRows>};
}

// By the number of rows; entry 0 is never used.
constexpr TileFunctions kTiles[] = {
    {nullptr, nullptr}, functions_of<1>(),  functions_of<2>(), functions_of<3>(),
#if defined(__AVX2__)
    functions_of<4>(),  functions_of<5>(),  functions_of<6>(),
#endif
#if defined(__AVX512F__)
    functions_of<7>(),  functions_of<8>(),  functions_of<9>(), functions_of<10>(),
    functions_of<11>(), functions_of<12>(),
#endif
};
static_assert(sizeof kTiles / sizeof kTiles[0] == kTileRows + 1);

size_t clamp(size_t value, size_t low, size_t high) noexcept {
  return value < low ? low : value > high ? high : value;
}

/// Scores are in units of log2(e), hence the cap is too.
LW_INLINE f32x16 capped(const f32x16& score, float soft_cap) noexcept {
  const f32x16 cap = broadcast(soft_cap * kLog2E);
  return cap * tanh(score / cap);
}

/// The biases of the keys of a block that a row has from `column` on.
LW_INLINE const float* bias_of(const PagedBlock& block, const Tile& tile, size_t row) noexcept {
  if (block.bias.table == nullptr) return nullptr;
  int64_t start = static_cast<int64_t>(tile.block) + block.bias.shift[row];
  if (start < block.bias.first) start = block.bias.first;
  if (start > block.bias.last) start = block.bias.last;
  return block.bias.table[row] + start;
}

/// Cap, bias and mask of a row's scores. Returns the largest of them and of `largest`; a NaN is
/// dropped here and comes back with the weights.
float adjust_scores(const PagedBlock& block, const Tile& tile, size_t row, float largest,
                    float* scores) noexcept {
  const float* bias = bias_of(block, tile, row);
  const size_t last = tile.end;
  const f32x16 begin = broadcast(static_cast<float>(
      clamp(static_cast<size_t>(block.begin[row]), tile.block, last) - tile.block));
  const f32x16 end = broadcast(static_cast<float>(
      clamp(static_cast<size_t>(block.end[row]), tile.block, last) - tile.block));
  f32x16 most = broadcast(largest);
  for (size_t page = tile.page(); page < tile.page_end(); ++page) {
    const size_t column = tile.column(page);
    f32x16 score = load(scores + column);
    if (block.soft_cap > 0) score = capped(score, block.soft_cap);
    if (bias != nullptr) score = fma(load(bias + column), broadcast(kLog2E), score);
    const f32x16 key = lane_index() + broadcast(static_cast<float>(column));
    score = select(less(key, begin), broadcast(-kInfinity), score);
    score = select(less(key, end), score, broadcast(-kInfinity));
    store(scores + column, score);
    most = max(score, most);
  }
  return reduce_max(most);
}

/// Turns a row's scores into weights 2^(score - base); returns their sum.
float weigh_scores(const Tile& tile, float base, float* scores) noexcept {
  f32x16 sum = zero();
  for (size_t page = tile.page(); page < tile.page_end(); ++page) {
    const size_t column = tile.column(page);
    const f32x16 weight = exp2(load(scores + column) - broadcast(base));
    store(scores + column, weight);
    sum = sum + weight;
  }
  return reduce_add(sum);
}

/// Turns scores into weights relative to the largest score so far, and rescales the sums to it.
void weigh_row(const PagedBlock& block, const Tile& tile, size_t row, Running& run) noexcept {
  float* scores = run.scores + (row - tile.row) * kKeyBlock;
  const float largest = adjust_scores(block, tile, row, run.largest[row], scores);
  // Nothing seen yet: -inf - 0 instead of -inf - -inf.
  const float base = largest == -kInfinity ? 0.0f : largest;
  const f32x16 factor = exp2(broadcast(run.largest[row] - base));
  alignas(64) float factors[kLanes];
  store(factors, factor);
  run.sum[row] = run.sum[row] * factors[0] + weigh_scores(tile, base, scores);
  run.largest[row] = largest;
  float* y = run.y + row * run.stride;
  for (size_t i = 0; i < run.stride; i += kLanes) store(y + i, load(y + i) * factor);
}

/// The keys of the block at `key` that rows [row, row + rows) see; begin >= end: none.
Tile tile_of(const PagedBlock& block, size_t row, size_t rows, size_t key) noexcept {
  Tile tile{row, rows, key, key + kKeyBlock, key};
  for (size_t r = row; r < row + rows; ++r) {
    const size_t begin = clamp(static_cast<size_t>(block.begin[r]), key, key + kKeyBlock);
    const size_t end = clamp(static_cast<size_t>(block.end[r]), key, key + kKeyBlock);
    if (begin >= end) continue;
    if (begin < tile.begin) tile.begin = begin;
    if (end > tile.end) tile.end = end;
  }
  return tile;
}

void attend_tile(const PagedBlock& block, const Tile& tile, bool carefully, Running& run) noexcept {
  const TileFunctions& functions = kTiles[tile.rows];
  functions.score(block, tile, run);
  for (size_t r = tile.row; r < tile.row + tile.rows; ++r) weigh_row(block, tile, r, run);
  (carefully ? add_tile_carefully : functions.add)(tile, run);
}

/// Keys [head_dim][16], then values [16][stride], of one page as f32.
void widen_bf16(const PagedBlock& block, const float* page, size_t stride, float* to) noexcept {
  const auto* keys = reinterpret_cast<const uint16_t*>(page + block.keys);
  for (size_t i = 0; i < block.head_dim; ++i, to += kLanes) {
    store(to, load_bf16_as_f32(keys + i * kLanes));
  }
  const auto* values = reinterpret_cast<const uint16_t*>(page + block.values);
  for (size_t i = 0; i < kLanes * stride; i += kLanes) store(to + i, load_bf16_as_f32(values + i));
}

/// Likewise; lanes of keys are tokens.
void widen_int8(const PagedBlock& block, const float* page, size_t stride, float* to) noexcept {
  const auto* keys = reinterpret_cast<const uint8_t*>(page + block.keys);
  const float* scales = page + block.scales;
  const f32x16 scale = load(scales);
  for (size_t i = 0; i < block.head_dim; ++i, to += kLanes) {
    store(to, load_i8_as_f32(keys + i * kLanes) * scale);
  }
  const auto* values = reinterpret_cast<const uint8_t*>(page + block.values);
  for (size_t token = 0; token < kLanes; ++token, to += stride, values += stride) {
    const f32x16 of_token = broadcast(scales[kLanes + token]);
    for (size_t i = 0; i < stride; i += kLanes) {
      store(to + i, load_i8_as_f32(values + i) * of_token);
    }
  }
}

/// Provides the pages of the block of keys at `key`, of which rows see [first, last), as f32.
void open_pages(const PagedBlock& block, size_t key, size_t first, size_t last,
                Running& run) noexcept {
  const size_t block_page = key / kLanes;
  if (block.type == KvType::kF32) {
    run.pages = block.pages + block_page;
    run.keys = block.keys;
    run.values = block.values;
    return;
  }
  run.pages = run.widened_pages;
  run.keys = 0;
  run.values = kLanes * block.head_dim;
  const size_t begin = clamp(first, key, key + kKeyBlock) / kLanes;
  const size_t end = (clamp(last, key, key + kKeyBlock) + kLanes - 1) / kLanes;
  const auto widen = block.type == KvType::kBf16 ? widen_bf16 : widen_int8;
  for (size_t page = begin; page < end; ++page) {
    float* to = run.widened + (page - block_page) * kLanes * (block.head_dim + run.stride);
    run.widened_pages[page - block_page] = to;
    widen(block, block.pages[page], run.stride, to);
  }
}

/// Blocks of keys begin at multiples of kKeyBlock: where the running maximum changes depends only
/// on the position of a key.
void attend_keys(const PagedBlock& block, bool carefully, Running& run) noexcept {
  size_t last = 0;
  size_t first = SIZE_MAX;
  for (size_t r = 0; r < block.rows; ++r) {
    if (block.begin[r] >= block.end[r]) continue;
    const auto begin = static_cast<size_t>(block.begin[r]);
    const auto end = static_cast<size_t>(block.end[r]);
    if (begin < first) first = begin;
    if (end > last) last = end;
  }
  for (size_t key = first / kKeyBlock * kKeyBlock; key < last; key += kKeyBlock) {
    open_pages(block, key, first, last, run);
    for (size_t row = 0; row < block.rows; row += kTileRows) {
      const size_t rows = block.rows - row < kTileRows ? block.rows - row : kTileRows;
      const Tile tile = tile_of(block, row, rows, key);
      if (tile.begin < tile.end) attend_tile(block, tile, carefully, run);
    }
  }
}

void scale_queries(const PagedBlock& block, const Running& run) noexcept {
  const f32x16 scale = broadcast(block.scale * kLog2E);
  for (size_t r = 0; r < block.rows; ++r) {
    float* q = run.q + r * run.stride;
    size_t i = 0;
    for (; i + kLanes <= block.head_dim; i += kLanes) store(q + i, load(block.q[r] + i) * scale);
    if (i < block.head_dim) store(q + i, load_first(block.q[r] + i, block.head_dim - i) * scale);
  }
}

/// Divides by the sum of the weights; a row that saw nothing is 0. Adding 0 turns -0 into 0, which a
/// weight of 0 may have made of it.
void store_row(const PagedBlock& block, size_t row, const Running& run) noexcept {
  const float sum = run.sum[row];
  const f32x16 factor = broadcast(sum == 0.0f ? 0.0f : 1.0f / sum);
  const float* sums = run.y + row * run.stride;
  float* y = block.y[row];
  size_t i = 0;
  for (; i + kLanes <= block.head_dim; i += kLanes) {
    store(y + i, fma(load(sums + i), factor, zero()));
  }
  if (i < block.head_dim) {
    store_first(y + i, fma(load(sums + i), factor, zero()), block.head_dim - i);
  }
}

bool any_nan(const float* x, size_t n) noexcept {
  f32x16 check = zero();  // 0 * x is NaN if x is not finite
  for (size_t i = 0; i < n; i += kLanes) check = fma(load(x + i), zero(), check);
  const float folded = reduce_add(check);
  return folded != folded;
}

void attend(const PagedBlock& block, float* scratch) noexcept {
  Running run(block, scratch);
  scale_queries(block, run);
  attend_keys(block, false, run);
  // A value that is not finite may have reached rows that do not see it.
  if (any_nan(run.y, block.rows * run.stride)) {
    run = Running(block, scratch);
    attend_keys(block, true, run);
  }
  for (size_t r = 0; r < block.rows; ++r) store_row(block, r, run);
}

}  // namespace

LW_KERNELS(PagedAttentionKernels, paged_attention_kernels) = {attend};

}  // namespace lanewise::ops::LW_ISA_NAME
