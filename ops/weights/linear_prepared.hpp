#pragma once

/// The walk over rows and panels that the formats share whose kernels read rows in another form
/// than f32: bytes with a scale, bf16. For the kernels of the folders here only.
///
/// A kind is one of tiles (linear_tiles.hpp), and has
///
///   Block      the WeightBlock of the format
///   Rows       PreparedRows, and what else belongs to rows
///   Tile       PreparedTile, and what else its tiles read
///   Constants  what some panels have in common for all rows
///   Factors    what 16 features have in common for all rows
///
///   prepare(block, scratch)  rows of x in the form that its tiles read
///   begin(block, panel, panels, constants, tile)  what these panels need beside their weights
///   set_rows(rows, row, tile)  what the rows from `row` on need beside their data
///   prefetch_features(block, n)  what the 16 features from n on need beside their weights
///   factors(block, constants, p, features)  of features of the p-th of the panels
///   total(sums, x_scale, factors)  16 sums as f32, scaled, bias added

#include "ops/weights/linear_finish.hpp"
#include "ops/weights/linear_tiles.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Rows of x as a kind's tiles read them.
struct PreparedRows {
  const std::byte* data;  // [rows, stride]
  size_t stride;          // bytes
  const RowScale* scale;  // [rows], or null where rows have none
};

/// Rows of bytes.
struct RoundedRows : PreparedRows {
  const int32_t* sums;  // [rows, sums_per_row]
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
struct PreparedTile {
  const std::byte* x;
  size_t x_stride;
  const std::byte* w;
  size_t panel_bytes;
  size_t k;
  std::byte* sums;  // [panels][rows][16] of 4 bytes
  NextWeights next;
};

constexpr size_t kSumBytes = kLanes * 4;

/// The bias of some features, zero where there is none.
LW_INLINE f32x16 bias_of(const LinearOutput& out, const RowPart& features) noexcept {
  return out.bias == nullptr ? zero() : features.from(out.bias);
}

/// Writes the sums of a tile, vectors of `Element`.
template <typename Element, typename Vector, size_t kRows, size_t kPanels>
LW_INLINE void store_sums(const Vector (&sum)[kRows][kPanels], const PreparedTile& tile) noexcept {
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

/// `constants`: of the panels of `place`.
template <typename Kind, Activation kActivation>
void finish_tile(const typename Kind::Block& block, const std::byte* sums, const RowScale* x_scale,
                 const typename Kind::Constants& constants, const TilePlace& place) noexcept {
  // Copies, which no store to y can change: the compiler keeps them in registers.
  const LinearOutput out = block;
  const size_t row = place.row;
  const size_t rows = place.rows;
  for (size_t p = 0; p < place.panels; ++p) {
    const RowPart features = RowPart::of((place.panel + p) * kPanel, block.n);
    const typename Kind::Factors factors = Kind::factors(block, constants, p, features);
    for (size_t r = 0; r < rows; ++r, sums += kSumBytes) {
      const f32x16 total = Kind::total(sums, x_scale + r, factors);
      finish_features(out, activate_coarsely<kActivation>(total), row + r, features);
    }
  }
}

template <typename Kind>
using FinishFunction = void (*)(const typename Kind::Block& block, const std::byte* sums,
                                const RowScale* x_scale, const typename Kind::Constants& constants,
                                const TilePlace& place) noexcept;

// In the order of Activation.
template <typename Kind>
constexpr FinishFunction<Kind> kFinishTile[] = {
#define LW_ACTIVATION(kind, name, function) finish_tile<Kind, Activation::kind>,
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
};

/// Finishes sums that another library made: [rows][stride], of which whole panels are read.
template <typename Kind, Activation kActivation>
void finish_sums(const typename Kind::Block& block, const std::byte* sums, size_t stride,
                 const RowScale* x_scale) noexcept {
  const LinearOutput out = block;
  for (size_t n = 0; n < block.n; n += kPanel) {
    typename Kind::Constants constants;
    typename Kind::Tile tile;
    Kind::begin(block, n / kPanel, 1, constants, tile);
    const RowPart features = RowPart::of(n, block.n);
    const typename Kind::Factors factors = Kind::factors(block, constants, 0, features);
    for (size_t r = 0; r < block.rows; ++r) {
      const std::byte* of_row = sums + (r * stride + n) * sizeof(int32_t);
      const f32x16 total = Kind::total(of_row, x_scale + r, factors);
      finish_features(out, activate_coarsely<kActivation>(total), r, features);
    }
  }
}

template <typename Kind>
void finish_all_sums(const typename Kind::Block& block, const std::byte* sums, size_t stride,
                     const RowScale* x_scale) noexcept {
  switch (block.activation) {
#define LW_ACTIVATION(kind, name, function) \
  case Activation::kind:                    \
    return finish_sums<Kind, Activation::kind>(block, sums, stride, x_scale);
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
  }
}

/// Asks for the lines that a tile will be written to while its sums are made.
LW_INLINE void prefetch_results(const LinearBlock& block, const TilePlace& place) noexcept {
  const float* y = block.y + place.row * block.y_stride + place.panel * kPanel;
  for (size_t r = 0; r < place.rows; ++r, y += block.y_stride) {
    for (size_t p = 0; p < place.panels; ++p) prefetch_for_write(y + p * kLanes);
  }
}

/// Asks for the numbers that features have beside their weights: a line of each for a panel, so far
/// apart in time that the processor does not foresee them.
template <typename Kind>
LW_INLINE void prefetch_features(const typename Kind::Block& block, size_t panel,
                                 size_t panels) noexcept {
  for (size_t n = panel * kPanel; n < block.n && n < (panel + panels) * kPanel; n += kPanel) {
    Kind::prefetch_features(block, n);
    if (block.bias != nullptr) prefetch(block.bias + n);
  }
}

/// At most kLinearMaxRows rows times all panels. Panels outside, so that their weights stay in a
/// near cache while the tiles of rows pass.
template <typename Kind>
void multiply_prepared(const typename Kind::Block& block, const typename Kind::Rows& x) noexcept {
  static constexpr TileFunctions<Kind> kTiles = tile_functions<Kind>();
  alignas(64) std::byte sums[Kind::kRegisters * kSumBytes];
  typename Kind::Constants constants{};
  const size_t panels = (block.n + kPanel - 1) / kPanel;
  const RowTiles tiles(block.rows, Kind::kMaxRows);
  const FinishFunction<Kind> finish = kFinishTile<Kind>[static_cast<size_t>(block.activation)];
  const size_t step = panels_of_block<Kind>(block.rows);
  typename Kind::Tile tile{};
  tile.x_stride = x.stride;
  tile.panel_bytes = block.w.panel_bytes;
  tile.k = block.k;
  tile.sums = sums;
  for (size_t panel = 0; panel < panels; panel += step) {
    const size_t count = panels - panel < step ? panels - panel : step;
    Kind::begin(block, panel, count, constants, tile);
    prefetch_features<Kind>(block, panel + count, step);
    tile.w = block.w.panels + panel * block.w.panel_bytes;
    for (size_t t = 0; t < tiles.count; ++t) {
      const TilePlace place{tiles.begin(t), tiles.rows(t), panel, count};
      tile.x = x.data + place.row * x.stride;
      tile.next = NextWeights::share(tile.w + count * tile.panel_bytes,
                                     tile.panel_bytes / kLineBytes, t, tiles.count);
      Kind::set_rows(x, place.row, tile);
      prefetch_results(block, place);
      kTiles.functions[place.rows][count](tile);
      finish(block, sums, x.scale + place.row, constants, place);
    }
  }
}

template <typename Kind>
void multiply_blocks(const typename Kind::Block& block, std::byte* scratch) noexcept {
  for (size_t row = 0; row < block.rows; row += kLinearMaxRows) {
    typename Kind::Block rows = block;
    rows.rows = block.rows - row < kLinearMaxRows ? block.rows - row : kLinearMaxRows;
    rows.x += row * block.x_stride;
    rows.y += row * block.y_stride;
    if (block.residual != nullptr) rows.residual += row * block.residual_stride;
    multiply_prepared<Kind>(rows, Kind::prepare(rows, scratch));
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
