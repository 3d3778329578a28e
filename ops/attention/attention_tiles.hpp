#pragma once

/// The two products of attention, for kernel sources only. Lanes are queries from the scores to the
/// output: S^T = K Q^T and y^T = V^T P^T both sum a scalar from K or V times a vector of 16
/// queries. Maxima and sums over keys are therefore vertical, and any head_dim works without masks.
///
/// Operands consist of units of 4 bytes: a float, or two bf16 that are adjacent along the dimension
/// summed over. Both are stored in arrays of float. The template parameter `Products` has
///
///   kTogether                numbers in a unit
///   Vector                   16 units
///   load(p)                  16 units from p
///   broadcast(p)             the unit at p in all lanes
///   multiply_add(a, b, sum)
///
/// and, for attention_walk.hpp,
///
///   gather_queries(rows, n, factor, out)               out[unit][lane] of rows[lane][i] * factor
///   copy_keys(from, stride, rows, n, to, to_stride)    to[row][unit along i]
///   copy_values(from, stride, rows, n, to, to_stride)  to[unit along rows][i]; returns whether all
///                                                      values are finite
///   store_weights(p, weights)                          16 units of kTogether vectors
///   where_not_zero(weights, values)                    0 where the weight is 0, since the value
///                                                      may be NaN

#include "ops/attention/attention_block.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// A tile is kMaxRows x kGroupPanels accumulators (24 zmm, 12 ymm, 12 xmm): an FMA takes 4 cycles
// and two start in each, so at least 8 are needed; one or two loads fewer than FMAs keep the load
// ports from being the limit.
constexpr size_t kMaxRows = kParts == 1 ? 12 : kParts == 2 ? 6 : 3;
constexpr size_t kGroupPanels = kParts == 1 ? 2 : 1;
constexpr size_t kGroupRows = kGroupPanels * kLanes;
constexpr size_t kScorePanel = kKeyBlock * kLanes;

/// sums[row][panel] += sum_i a[row * row_step + i * step] * b[panel][i], in the order of i.
template <typename Products, size_t kRows, size_t kPanels>
LW_INLINE void multiply_add(const float* a, size_t row_step, size_t step, const float* b,
                            size_t panel_step, size_t count,
                            f32x16 (&sums)[kRows][kPanels]) noexcept {
  for (size_t i = 0; i < count; ++i, a += step, b += kLanes) {
    typename Products::Vector vector[kPanels];
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) vector[p] = Products::load(b + p * panel_step);
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      const typename Products::Vector scalar = Products::broadcast(a + r * row_step);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        sums[r][p] = Products::multiply_add(scalar, vector[p], sums[r][p]);
      }
    }
  }
}

struct ScoreTile {
  const float* k;
  size_t k_stride;
  const float* q;  // [panels][units][16]
  size_t units;    // of head_dim
  float* scores;   // [panels][kKeyBlock][16]
  float* largest;  // [panels][16]
};

/// The scores of kRows keys, and the largest so far. max(score, largest) drops a NaN, which does no
/// harm: the exponentials bring it back.
template <typename Products, size_t kRows, size_t kPanels>
void score_tile(const ScoreTile& tile) noexcept {
  f32x16 sums[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sums[r][p] = zero();
  }
  multiply_add<Products>(tile.k, tile.k_stride, 1, tile.q, tile.units * kLanes, tile.units, sums);
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    f32x16 largest = load(tile.largest + p * kLanes);
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      store(tile.scores + p * kScorePanel + r * kLanes, sums[r][p]);
      largest = max(sums[r][p], largest);
    }
    store(tile.largest + p * kLanes, largest);
  }
}

struct ValueTile {
  const float* v;
  size_t v_stride;
  const float* weights;  // [panels][kScorePanel] of [units][16]
  size_t units;          // of keys
  const float* factor;   // [panels][16], for the sums so far; null: there are none
  float* y;              // [panels][head_dim][16]
  size_t head_dim;
};

/// y = y * factor + V^T weights for kRows features.
template <typename Products, size_t kRows, size_t kPanels>
void value_tile(const ValueTile& tile) noexcept {
  f32x16 sums[kRows][kPanels];
  const size_t panel = tile.head_dim * kLanes;
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) sums[r][p] = zero();
  }
  if (tile.factor != nullptr) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      const f32x16 factor = load(tile.factor + p * kLanes);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        sums[r][p] = load(tile.y + p * panel + r * kLanes) * factor;
      }
    }
  }
  multiply_add<Products>(tile.v, 1, tile.v_stride, tile.weights, kScorePanel, tile.units, sums);
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      store(tile.y + p * panel + r * kLanes, sums[r][p]);
    }
  }
}

struct Tiles {
  void (*score[kGroupPanels])(const ScoreTile&) noexcept;
  void (*value[kGroupPanels])(const ValueTile&) noexcept;
};

template <typename Products, size_t kRows>
constexpr Tiles tiles_of() {
  Tiles tiles = {};
  tiles.score[0] = score_tile<Products, kRows, 1>;
  tiles.value[0] = value_tile<Products, kRows, 1>;
  if constexpr (kGroupPanels == 2) {
    tiles.score[1] = score_tile<Products, kRows, 2>;
    tiles.value[1] = value_tile<Products, kRows, 2>;
  }
  return tiles;
}

// By the number of rows; entry 0 is never used.
template <typename Products>
constexpr Tiles kTiles[] = {
    {},
    tiles_of<Products, 1>(),
    tiles_of<Products, 2>(),
    tiles_of<Products, 3>(),
#if defined(__AVX2__)
    tiles_of<Products, 4>(),
    tiles_of<Products, 5>(),
    tiles_of<Products, 6>(),
#endif
#if defined(__AVX512F__)
    tiles_of<Products, 7>(),
    tiles_of<Products, 8>(),
    tiles_of<Products, 9>(),
    tiles_of<Products, 10>(),
    tiles_of<Products, 11>(),
    tiles_of<Products, 12>(),
#endif
};
static_assert(kMaxRows == (kParts == 1 ? 12 : kParts == 2 ? 6 : 3));

/// Walks `count` rows in tiles that differ by one row at most: a small last tile would be slow.
class TileWalk {
 public:
  explicit TileWalk(size_t count) : count_(count), left_((count + kMaxRows - 1) / kMaxRows) {}
  bool done() const { return left_ == 0; }
  size_t begin() const { return begin_; }
  size_t rows() const { return (count_ - begin_ + left_ - 1) / left_; }
  void next() {
    begin_ += rows();
    --left_;
  }

 private:
  size_t count_;
  size_t left_;
  size_t begin_ = 0;
};

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
