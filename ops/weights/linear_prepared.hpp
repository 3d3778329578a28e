#pragma once

/// The walk over rows and panels shared by the formats whose kernels convert rows from f32: to
/// bytes with a scale, or to bf16. For the kernels of these folders only.
///
/// A kind is a kind of tiles (linear_tiles.hpp) that also has
///
///   Block      the WeightBlock of the format
///   Rows       PreparedRows, and other data of rows
///   Tile       PreparedTile, and other data that its tiles read
///   Constants  data of some panels, the same for all rows
///   Factors    data of 16 features, the same for all rows
///
///   prepare(block, scratch)  rows of x in the form that its tiles read
///   begin(block, panel, panels, constants, tile)  what these panels need besides their weights
///   set_rows(rows, row, tile)  what the rows from `row` on need besides their data
///   prefetch_features(block, n)  what the 16 features from n on need besides their weights
///   factors(block, constants, p, features)  of features of the p-th of the panels
///   total(sums, x_scale, factors)  16 sums as f32, scaled, bias added

#include "ops/weights/linear_finish.hpp"
#include "ops/weights/linear_tiles.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Rows of x in the form that a kind's tiles read.
struct PreparedRows {
  const std::byte* data;  // [rows, stride]
  size_t stride;          // bytes
  const RowScale* scale;  // [rows], or null if rows have none
};

/// Rows of bytes.
struct RoundedRows : PreparedRows {
  const int32_t* sums;  // [rows, sums_per_row]
  size_t sums_per_row;
};

/// Whether a tile of `rows` rows prefetches weights: if it may be one of several of a block. Not
/// with 128-bit registers, which multiply so slowly that weights arrive in time (int8: 5 % slower).
/// Nor for 4-bit weights: prefetching cost as much as it gained.
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

/// The bias of some features, or zero.
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

/// The position of a tile's sums in the output.
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
  // Local copies, which no store to y can alias: the compiler keeps them in registers.
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

/// Finishes sums that another library computed: [rows][stride], read in whole panels.
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

/// Prefetches the output lines of a tile while its sums are computed.
LW_INLINE void prefetch_results(const LinearBlock& block, const TilePlace& place) noexcept {
  const float* y = block.y + place.row * block.y_stride + place.panel * kPanel;
  for (size_t r = 0; r < place.rows; ++r, y += block.y_stride) {
    for (size_t p = 0; p < place.panels; ++p) prefetch_for_write(y + p * kLanes);
  }
}

/// Prefetches the numbers that features have besides their weights: one line of each per panel, so
/// far apart in time that the hardware does not predict them.
template <typename Kind>
LW_INLINE void prefetch_features(const typename Kind::Block& block, size_t panel,
                                 size_t panels) noexcept {
  for (size_t n = panel * kPanel; n < block.n && n < (panel + panels) * kPanel; n += kPanel) {
    Kind::prefetch_features(block, n);
    if (block.bias != nullptr) prefetch(block.bias + n);
  }
}

/// At most kLinearMaxRows rows times all panels. The outer loop is over panels, so that their
/// weights stay in a near cache while the tiles of rows pass.
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
