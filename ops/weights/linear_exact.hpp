#pragma once

/// The product with weights that are multiplied in f32, whatever they are stored in: the sum of an
/// output is one chain of multiply-adds over k = 0, 1, ..., so formats whose weights are equal give
/// equal bits. For the kernels of these folders only.

#include "ops/simd_codes.hpp"
#include "ops/weights/linear_sums.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// A weight as it is stored; load() makes 16 of them floats.
struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};

LW_INLINE f32x16 load(const F16* p) noexcept { return load_f16(&p->bits); }
LW_INLINE f32x16 load(const Bf16* p) noexcept { return load_bf16_as_f32(&p->bits); }

// Steps of k that all rows take before the next ones. 1536 steps of a panel of f32 are 96 KiB, which
// stream from the second-level cache as fast as they are used while the tiles pass. 3072 were too
// many beside the rows (79 % of the peak at 512 x 3072 x 768 instead of 94); 384, for the
// first-level cache, lost 2 % in restarts.
constexpr size_t kDepth = 1536;

// The prefetch distance, in bytes, of a single tile of one panel. A single stream, which the
// hardware prefetcher follows only to the end of a page, reaches 40 % of the read bandwidth from
// memory, and 65 % with this. Several panels are several streams and reach 75 %.
constexpr size_t kAhead = 8192;

// Rows whose sums are kept while k is processed in several blocks.
constexpr size_t kMaxBlockRows = kLinearMaxRows;

/// A product and its weights: panels [n / 16][k][16].
template <typename Element>
struct ExactBlock : LinearBlock {
  const Element* panels;
};

/// A part of k for a few rows and panels. sums: [rows][panels][16].
template <typename Element>
struct ExactTile {
  const float* x;
  size_t x_stride;
  const Element* w;
  size_t panel_stride;  // elements between panels
  size_t depth;
  float* sums;
  bool first;  // starts the sums instead of adding
  NextWeights next;
};

template <typename Element, size_t kRows, size_t kPanels>
void multiply_tile(const ExactTile<Element>& tile) noexcept {
  f32x16 sum[kRows][kPanels];
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      sum[r][p] = tile.first ? zero() : load(tile.sums + (r * kPanels + p) * kLanes);
    }
  }
  const size_t panel_stride = tile.panel_stride;
  const Element* w = tile.w;
  const float* x = tile.x;
  NextWeights next = tile.next;
  const size_t x_stride = tile.x_stride;
  for (size_t k = 0; k < tile.depth; ++k, w += kLanes, ++x) {
    next.ask<kPanels>(panel_stride * sizeof(Element));
    if constexpr (kRows < kPanels * kParts) {
      f32x16 value[kRows];
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) value[r] = broadcast(x[r * x_stride]);
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        const f32x16 weights = load(w + p * panel_stride);
        LW_UNROLL for (size_t r = 0; r < kRows; ++r) sum[r][p] = fma(value[r], weights, sum[r][p]);
      }
    } else {
      f32x16 weights[kPanels];
      LW_UNROLL for (size_t p = 0; p < kPanels; ++p) weights[p] = load(w + p * panel_stride);
      LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
        const f32x16 value = broadcast(x[r * x_stride]);
        LW_UNROLL for (size_t p = 0; p < kPanels; ++p) sum[r][p] =
            fma(value, weights[p], sum[r][p]);
      }
    }
  }
  LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
      store(tile.sums + (r * kPanels + p) * kLanes, sum[r][p]);
    }
  }
}

// Registers determine the shape of a tile: `rows` x `panels` accumulators, the smaller of a column
// of broadcast inputs and a row of weights, and one of the other. An FMA takes 4 cycles and two
// start in each, so at least 8 registers must accumulate; a tile of few rows therefore covers
// several panels. AVX-512 uses 8 x 3: 12 x 2 reads more inputs for as many sums (3 % slower on Zen
// 4).
template <typename Element>
struct ExactTiles {
  static constexpr size_t kRegisters = kParts == 1 ? 32 : 16;
  static constexpr size_t kMaxRows = kParts == 1 ? 8 : kParts == 2 ? 6 : 3;
  static constexpr size_t kMaxPanels = 8;
  static constexpr size_t kVectors = kParts;
  using Tile = ExactTile<Element>;

  template <size_t kRows, size_t kPanels>
  static void multiply(const Tile& tile) noexcept {
    multiply_tile<Element, kRows, kPanels>(tile);
  }
};

template <typename Element>
constexpr TileFunctions<ExactTiles<Element>> kExactTiles = tile_functions<ExactTiles<Element>>();

/// The most floats that the sums of a block of rows take, for any number of rows.
template <typename Tiles>
constexpr size_t max_sums() {
  size_t most = 0;
  for (size_t rows = 1; rows <= kMaxBlockRows; ++rows) {
    const size_t panels = panels_of_block<Tiles>(rows);
    if (rows * panels > most) most = rows * panels;
  }
  return most * kLanes;
}

/// Steps [k, k + depth) of k for a group of panels.
struct DepthPart {
  size_t panel;
  size_t panels;
  size_t k;
  size_t depth;
  const std::byte* next;  // the first weights of the next part
};

/// One part for the rows of one tile.
template <typename Element>
void multiply_part(const ExactBlock<Element>& block, const RowTiles& tiles, size_t index,
                   const DepthPart& part, float* sums) noexcept {
  const size_t rows = tiles.rows(index);
  const size_t panel_stride = kPanel * block.k;
  ExactTile<Element> tile{};
  tile.x = block.x + tiles.begin(index) * block.x_stride + part.k;
  tile.x_stride = block.x_stride;
  tile.w = block.panels + part.panel * panel_stride + part.k * kPanel;
  tile.panel_stride = panel_stride;
  tile.depth = part.depth;
  tile.sums = sums;
  tile.first = part.k == 0;
  if (tiles.count == 1 && part.panels == 1) {
    tile.next = {reinterpret_cast<const std::byte*>(tile.w) + kAhead, kPanel * sizeof(Element)};
  } else {
    tile.next =
        NextWeights::share(part.next, part.depth, index, tiles.count, kPanel * sizeof(Element));
  }
  kExactTiles<Element>.functions[rows][part.panels](tile);
}

/// One group of panels for all rows of the block. The outer loop is over blocks of k, the inner one
/// over row tiles, so that the weights of a block stay in a near cache while the rows pass. Between
/// blocks sums are kept in a buffer, which does not change their bits.
template <typename Element>
void multiply_panels(const ExactBlock<Element>& block, size_t panel, size_t panels,
                     float* sums) noexcept {
  const RowTiles tiles(block.rows, ExactTiles<Element>::kMaxRows);
  const size_t sums_per_row = panels * kLanes;
  const size_t blocks = (block.k + kDepth - 1) / kDepth;
  const FinishFunction finish =
      kFinishTile<Precision::kExact>[static_cast<size_t>(block.activation)];
  for (size_t b = 0; b < blocks; ++b) {
    const size_t k = block.k * b / blocks;
    const size_t end = block.k * (b + 1) / blocks;
    const bool last = b + 1 == blocks;
    const Element* next =
        block.panels + (last ? (panel + panels) * block.k : panel * block.k + end) * kPanel;
    const DepthPart part{panel, panels, k, end - k, reinterpret_cast<const std::byte*>(next)};
    for (size_t t = 0; t < tiles.count; ++t) {
      float* tile_sums = sums + tiles.begin(t) * sums_per_row;
      if (last) prefetch_results(block, tiles, t, panel, panels);
      multiply_part(block, tiles, t, part, tile_sums);
      if (last) finish(block, tile_sums, tiles.begin(t), tiles.rows(t), panel, panels);
    }
  }
}

template <typename Element>
void multiply_exactly(const LinearBlock& block, const Element* weights) noexcept {
  alignas(64) float sums[max_sums<ExactTiles<Element>>()];
  const size_t panels = (block.n + kPanel - 1) / kPanel;
  for (size_t row = 0; row < block.rows; row += kMaxBlockRows) {
    ExactBlock<Element> rows{block, weights};
    rows.rows = block.rows - row < kMaxBlockRows ? block.rows - row : kMaxBlockRows;
    rows.x += row * block.x_stride;
    rows.y += row * block.y_stride;
    if (block.residual != nullptr) rows.residual += row * block.residual_stride;
    const size_t step = panels_of_block<ExactTiles<Element>>(rows.rows);
    for (size_t panel = 0; panel < panels; panel += step) {
      multiply_panels(rows, panel, panels - panel < step ? panels - panel : step, sums);
    }
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
