#pragma once

/// The walk over rows and panels that the kinds of weights share whose kernels read rows in another
/// form than f32: bytes with a scale, bf16. For the kernels of this folder only.
///
/// A kind is one of tiles (linear_tiles.hpp) on LinearTile, and has
///
///   prepare(block, rows)   rows of x in the form that its tiles read
///   begin(block, panel, panels, constants)  what these panels need beside their weights
///   total(sums, x_scale, features)  16 sums as f32, scaled, bias added

#include "ops/linear/linear_finish.hpp"
#include "ops/linear/linear_tiles.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Rows of x as a kind's tiles read them.
struct PreparedRows {
  const std::byte* data;  // [rows, stride]
  size_t stride;          // bytes
  const RowScale* scale;  // [rows] of bytes
  const int32_t* sums;    // i8: [rows], what sums begin with; i4: [rows, groups] of bytes
  size_t sums_per_row;
};

/// Whether a tile of `rows` rows asks ahead: where it may be one of several of a block. Not in
/// registers of 128 bits, which multiply so slowly that weights come in time (int8: 5 % slower).
/// Weights of 4 bits do without as well: asking cost as much as it brought.
template <typename Kind>
constexpr bool asks_ahead(size_t rows) {
  return kParts < 4 && rows >= (Kind::kMaxRows + 1) / 2;
}

/// A few rows and panels over all of k.
struct LinearTile {
  const std::byte* x;
  size_t x_stride;
  const std::byte* w;
  size_t panel_bytes;
  size_t k;
  const int32_t* init;      // i8: [panels][16], what the sums of a column begin with, or ...
  const int32_t* row_sums;  // ... [rows], those of a row; i4: [rows, groups]
  // i4
  size_t group;
  size_t groups;
  const float* scale;    // [panels][groups][16]
  const float* minimum;  // [panels][groups][16], or null
  std::byte* sums;       // [panels][rows][16] of 4 bytes
  NextWeights next;
};

constexpr size_t kSumBytes = kLanes * 4;

/// By panel and feature.
template <size_t kMaxPanels>
struct PanelConstants {
  alignas(64) int32_t init[kMaxPanels * kLanes];  // i8: what the sums begin with
  alignas(64) float total[kMaxPanels * kLanes];   // of bytes: the sum of the weights
};

/// What 16 features have in common for all rows.
struct FeatureFactors {
  f32x16 scale;
  f32x16 total;
  f32x16 bias;
};

/// Writes the sums of a tile, vectors of `Element`.
template <typename Element, typename Vector, size_t kRows, size_t kPanels>
LW_INLINE void store_sums(const Vector (&sum)[kRows][kPanels], const LinearTile& tile) noexcept {
  auto* sums = reinterpret_cast<Element*>(tile.sums);
  LW_UNROLL for (size_t p = 0; p < kPanels; ++p) {
    LW_UNROLL for (size_t r = 0; r < kRows; ++r) {
      store(sums + (p * kRows + r) * kLanes, sum[r][p]);
    }
  }
}

/// Where the sums of a tile are in its output.
struct TilePlace {
  size_t row;
  size_t rows;
  size_t panel;
  size_t panels;
};

/// `totals`: of the panels of `place`.
template <typename Kind, Activation kActivation>
void finish_tile(const LinearBlock& block, const std::byte* sums, const RowScale* x_scale,
                 const float* totals, const TilePlace& place) noexcept {
  // Copies, which no store to y can change: the compiler keeps them in registers.
  const LinearOutput out = block;
  const size_t row = place.row;
  const size_t rows = place.rows;
  for (size_t p = 0; p < place.panels; ++p, totals += kLanes) {
    const RowPart features = RowPart::of((place.panel + p) * kPanel, block.n);
    const FeatureFactors factors{Kind::kScaledFeatures ? features.from(block.w.scale) : zero(),
                                 load(totals),
                                 block.bias == nullptr ? zero() : features.from(block.bias)};
    for (size_t r = 0; r < rows; ++r, sums += kSumBytes) {
      const f32x16 total = Kind::total(sums, x_scale + r, factors);
      finish_features(out, activate_coarsely<kActivation>(total), row + r, features);
    }
  }
}

using FinishFunction = void (*)(const LinearBlock& block, const std::byte* sums,
                                const RowScale* x_scale, const float* totals,
                                const TilePlace& place) noexcept;

// In the order of Activation.
template <typename Kind>
constexpr FinishFunction kFinishTile[] = {
#define LW_ACTIVATION(kind, name, function) finish_tile<Kind, Activation::kind>,
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
};

/// Asks for the lines that a tile will be written to while its sums are made.
LW_INLINE void prefetch_results(const LinearBlock& block, const TilePlace& place) noexcept {
  const float* y = block.y + place.row * block.y_stride + place.panel * kPanel;
  for (size_t r = 0; r < place.rows; ++r, y += block.y_stride) {
    for (size_t p = 0; p < place.panels; ++p) prefetch_for_write(y + p * kLanes);
  }
}

/// Asks for the numbers that features have beside their weights: a line of each for a panel, so far
/// apart in time that the processor does not foresee them.
LW_INLINE void prefetch_features(const LinearBlock& block, size_t panel, size_t panels) noexcept {
  for (size_t n = panel * kPanel; n < block.n && n < (panel + panels) * kPanel; n += kPanel) {
    if (block.w.sum != nullptr) {
      prefetch(reinterpret_cast<const float*>(block.w.sum + n));
      prefetch(block.w.scale + n);
    }
    if (block.w.total != nullptr) prefetch(block.w.total + n);
    if (block.bias != nullptr) prefetch(block.bias + n);
  }
}

/// At most kLinearMaxRows rows times all panels. Panels outside, so that their weights stay in a
/// near cache while the tiles of rows pass.
template <typename Kind>
void multiply_prepared(const LinearBlock& block, const PreparedRows& x) noexcept {
  static constexpr TileFunctions<Kind> kTiles = tile_functions<Kind>();
  alignas(64) std::byte sums[Kind::kRegisters * kSumBytes];
  PanelConstants<Kind::kMaxPanels> constants{};
  const size_t panels = (block.n + kPanel - 1) / kPanel;
  const RowTiles tiles(block.rows, Kind::kMaxRows);
  const FinishFunction finish = kFinishTile<Kind>[static_cast<size_t>(block.activation)];
  const size_t step = panels_of_block<Kind>(block.rows);
  LinearTile tile{};
  tile.x_stride = x.stride;
  tile.panel_bytes = block.w.panel_bytes;
  tile.k = block.k;
  tile.init = constants.init;
  tile.group = block.w.group;
  tile.groups = block.w.group == 0 ? 0 : (block.k + block.w.group - 1) / block.w.group;
  tile.sums = sums;
  for (size_t panel = 0; panel < panels; panel += step) {
    const size_t count = panels - panel < step ? panels - panel : step;
    Kind::begin(block, panel, count, constants);
    prefetch_features(block, panel + count, step);
    tile.w = block.w.panels + panel * block.w.panel_bytes;
    tile.scale = block.w.scale + panel * tile.groups * kPanel;
    if (block.w.minimum != nullptr) tile.minimum = block.w.minimum + panel * tile.groups * kPanel;
    for (size_t t = 0; t < tiles.count; ++t) {
      const TilePlace place{tiles.begin(t), tiles.rows(t), panel, count};
      tile.x = x.data + place.row * x.stride;
      tile.next = NextWeights::share(tile.w + count * tile.panel_bytes,
                                     tile.panel_bytes / kLineBytes, t, tiles.count);
      tile.row_sums = x.sums + place.row * x.sums_per_row;
      prefetch_results(block, place);
      kTiles.functions[place.rows][count](tile);
      finish(block, sums, x.scale + place.row, constants.total, place);
    }
  }
}

template <typename Kind>
void multiply_blocks(const LinearBlock& block, std::byte* scratch) noexcept {
  for (size_t row = 0; row < block.rows; row += kLinearMaxRows) {
    LinearBlock rows = block;
    rows.rows = block.rows - row < kLinearMaxRows ? block.rows - row : kLinearMaxRows;
    rows.x += row * block.x_stride;
    rows.y += row * block.y_stride;
    if (block.residual != nullptr) rows.residual += row * block.residual_stride;
    multiply_prepared<Kind>(rows, Kind::prepare(rows, scratch));
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
