#pragma once

/// Tiles of rows and panels that stay in registers, for the kernels of these folders only.
///
/// A kind of tile is a struct with
///
///   kRegisters  vectors available for sums, operands and whatever else a step needs
///   kMaxRows, kMaxPanels  the largest tile
///   kVectors    registers of a sum
///   Tile        the data of a tile
///   multiply<rows, panels>(tile)

#include <cstddef>

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Whether the sums fit into registers, with the smaller of a column of inputs and a row of
/// weights, and one of the other.
template <typename Kind>
constexpr bool fits(size_t rows, size_t panels) {
  const size_t vectors = panels * kParts;
  const size_t held = rows < vectors ? rows : vectors;
  return rows * panels * Kind::kVectors + held + 1 <= Kind::kRegisters;
}

/// Panels that a tile of `rows` rows covers at once.
template <typename Kind>
constexpr size_t panels_at_once(size_t rows) {
  size_t panels = 1;
  while (panels < Kind::kMaxPanels && fits<Kind>(rows, panels + 1)) ++panels;
  return panels;
}

/// The functions that multiply tiles, by rows and panels; null for 0 rows or panels.
template <typename Kind>
struct TileFunctions {
  using Function = void (*)(const typename Kind::Tile&) noexcept;
  Function functions[Kind::kMaxRows + 1][Kind::kMaxPanels + 1];
};

template <typename Kind, size_t kRows, size_t kPanels>
constexpr void add_tiles(TileFunctions<Kind>& all) {
  all.functions[kRows][kPanels] = Kind::template multiply<kRows, kPanels>;
  if constexpr (kPanels > 1) {
    add_tiles<Kind, kRows, kPanels - 1>(all);
  } else if constexpr (kRows > 1) {
    add_tiles<Kind, kRows - 1, panels_at_once<Kind>(kRows - 1)>(all);
  }
}

template <typename Kind>
constexpr TileFunctions<Kind> tile_functions() {
  TileFunctions<Kind> all = {};
  add_tiles<Kind, Kind::kMaxRows, panels_at_once<Kind>(Kind::kMaxRows)>(all);
  return all;
}

/// Divides rows into tiles of at most `most` whose sizes differ by at most one row: a small last
/// tile would be slow.
struct RowTiles {
  RowTiles(size_t rows, size_t most) : count((rows + most - 1) / most), all(rows) {}
  size_t begin(size_t tile) const { return all * tile / count; }
  size_t rows(size_t tile) const { return begin(tile + 1) - begin(tile); }
  size_t count;
  size_t all;
};

/// The bytes that a step reads of a panel: a cache line.
constexpr size_t kLineBytes = 64;

/// The weights to prefetch. While the tiles of rows pass over a few panels, each prefetches its
/// share of the following ones: hardware prefetching stops at the end of a panel.
struct NextWeights {
  const std::byte* at = nullptr;
  size_t step = 0;  // bytes

  /// The share of tile `index` of `tiles`, each of which takes `steps` steps of `step_bytes` over a
  /// panel. A single tile has none: it reads several panels itself, which the hardware prefetches.
  static NextWeights share(const std::byte* next, size_t steps, size_t index, size_t tiles,
                           size_t step_bytes = kLineBytes) noexcept {
    if (tiles == 1) return {next, 0};
    const size_t step = (step_bytes + tiles - 1) / tiles;
    return {next + index * steps * step, step};
  }

  /// Called once per step, for kPanels panels.
  template <size_t kPanels>
  LW_INLINE void ask(size_t panel_bytes) noexcept {
    LW_UNROLL for (size_t p = 0; p < kPanels; ++p) __builtin_prefetch(at + p * panel_bytes);
    at += step;
  }
};

/// The number of panels that a block of `rows` rows processes at once: as many as its larger tiles
/// can cover.
template <typename Kind>
constexpr size_t panels_of_block(size_t rows) {
  const size_t tiles = (rows + Kind::kMaxRows - 1) / Kind::kMaxRows;
  return panels_at_once<Kind>((rows + tiles - 1) / tiles);
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
