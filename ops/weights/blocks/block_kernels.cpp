#include "ops/weights/blocks/block_kernels.hpp"

#include "ops/weights/blocks/block_tiles.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Unpacks blocks [begin, end) of some panels.
template <BlockKind kKind>
void unpack_panels(const BlockPanels& w, size_t panel, size_t panels, const BlockRange& blocks,
                   const Unpacked& to) noexcept {
  using From = PackedSource<kKind>;
  for (size_t p = 0; p < panels; ++p) {
    const PackedPanel from = PackedPanel::of(w, panel + p);
    uint8_t* codes = to.codes + p * to.panel_bytes;
    float* factors = to.factors + p * kUnpackedFactors;
    for (size_t b = blocks.begin; b < blocks.end; ++b) {
      unpack_steps<From>(from.codes + b * From::kCodeBytes, codes);
      codes += kUnpackedBlock;
      for (size_t g = 0; g < From::kGroups; ++g) {
        store(factors, From::scale(from.scales, b, g));
        factors += kLanes;
        if (From::kHasMinimum) store(factors, From::minimum(from.scales, b, g));
        if (From::kHasMinimum) factors += kLanes;
      }
    }
  }
}

/// Everything that a product needs besides the weights.
struct BlockScratch {
  BlockScratch(const LinearBlock& block, std::byte* scratch) noexcept
      : stride(rounded_stride(block.k)),
        normalized(reinterpret_cast<float*>(scratch)),
        rows(scratch + normalized_bytes(block.norm, block.k)),
        sums(reinterpret_cast<float*>(rows + kLinearMaxRows * stride)),
        unpacked{sums + kLinearMaxRows * kMostBlockPanels * kPanel, nullptr,
                 unpacked_panel_bytes(block.k)} {
    unpacked.codes =
        reinterpret_cast<uint8_t*>(unpacked.factors + kMostBlockPanels * kUnpackedFactors);
  }

  size_t stride;      // bytes between rows
  float* normalized;  // one row, for the norm
  std::byte* rows;
  float* sums;  // [rows][panels][16]
  Unpacked unpacked;
};

/// The packed weights that come after some panels: each tile asks for its share of them.
struct ComingPanels {
  const std::byte* codes;
  size_t bytes;

  /// Of tile `index` of `tiles` over so many blocks.
  ComingLines share(size_t index, size_t tiles, size_t blocks) const noexcept {
    if (tiles == 1) return {codes, 0};
    const size_t lines = (bytes / kLineBytes + tiles - 1) / tiles;
    return {codes + index * lines * kLineBytes, (lines + blocks - 1) / blocks};
  }
};

/// Some panels for all rows of the block. As for f32, parts of the inputs are the outer loop, and
/// the sums wait in between.
template <BlockKind kKind, typename Tiles>
void multiply_panels(const BlocksBlock& block, size_t panel, size_t panels,
                     const BlockScratch& scratch) noexcept {
  static constexpr TileTable<Tiles> kTable = tile_table<Tiles>();
  constexpr size_t kDepth = kUnpackedInputs / kBlockInputs;
  const RowTiles tiles(block.rows, Tiles::kMaxRows);
  const size_t blocks = block.k / kBlockInputs;
  const ComingPanels coming{block.w.codes + (panel + panels) * block.w.panel_bytes,
                            panels * block.w.panel_bytes};
  const FinishFunction finish =
      kFinishTile<Precision::kCoarse>[static_cast<size_t>(block.activation)];
  for (size_t begin = 0; begin < blocks; begin += kDepth) {
    const size_t end = blocks - begin < kDepth ? blocks : begin + kDepth;
    const bool last = end == blocks;
    BlockTile tile{};
    tile.stride = scratch.stride;
    tile.blocks = {begin, end};
    tile.first = begin == 0;
    if constexpr (!Tiles::Source::kIsPacked) {
      unpack_panels<kKind>(block.w, panel, panels, tile.blocks, scratch.unpacked);
      tile.w = {scratch.unpacked.codes, reinterpret_cast<const uint8_t*>(scratch.unpacked.factors)};
      tile.panel_bytes = scratch.unpacked.panel_bytes;
      tile.panel_scale_bytes = kUnpackedFactors * sizeof(float);
    } else {
      tile.w = PackedPanel::of(block.w, panel);
      tile.panel_bytes = block.w.panel_bytes;
      tile.panel_scale_bytes = block.w.panel_scale_bytes;
    }
    for (size_t t = 0; t < tiles.count; ++t) {
      tile.x = reinterpret_cast<const uint8_t*>(scratch.rows + tiles.begin(t) * tile.stride);
      tile.sums = scratch.sums + tiles.begin(t) * panels * kLanes;
      tile.coming = last ? coming.share(t, tiles.count, end - begin) : ComingLines{nullptr, 0};
      if (last) prefetch_results(block, tiles, t, panel, panels);
      (panels == 1 ? kTable.one : kTable.at_once)[tiles.rows(t)](tile);
      if (last) finish(block, tile.sums, tiles.begin(t), tiles.rows(t), panel, panels);
    }
  }
}

template <BlockKind kKind, typename Tiles>
void multiply_rounded(const BlocksBlock& block, const BlockScratch& scratch) noexcept {
  const size_t panels = (block.n + kPanel - 1) / kPanel;
  size_t panel = 0;
  for (; panel + Tiles::kAtOnce <= panels; panel += Tiles::kAtOnce) {
    multiply_panels<kKind, Tiles>(block, panel, Tiles::kAtOnce, scratch);
  }
  for (; panel < panels; ++panel) multiply_panels<kKind, Tiles>(block, panel, 1, scratch);
}

template <BlockKind kKind>
void multiply(const BlocksBlock& block, std::byte* scratch) noexcept {
  using Source = PackedSource<kKind>;
  for (size_t row = 0; row < block.rows; row += kLinearMaxRows) {
    BlocksBlock rows = block;
    rows.rows = block.rows - row < kLinearMaxRows ? block.rows - row : kLinearMaxRows;
    rows.x += row * block.x_stride;
    rows.y += row * block.y_stride;
    if (block.residual != nullptr) rows.residual += row * block.residual_stride;
    const BlockScratch parts(rows, scratch);
    for (size_t r = 0; r < rows.rows; ++r) {
      round_row<Source>(rows, r, parts.normalized, parts.rows + r * parts.stride);
    }
    if (rows.rows <= kFewRows) {
      multiply_rounded<kKind, FewRowTiles<Source>>(rows, parts);
    } else if constexpr (Source::kIsBytes) {
      multiply_rounded<kKind, BlockTiles<Source>>(rows, parts);
    } else {
      multiply_rounded<kKind, BlockTiles<UnpackedSource<Source>>>(rows, parts);
    }
  }
}

}  // namespace

LW_KERNELS(BlockKernels, block_kernels) = {{
#define LW_BLOCK_FORMAT(block, name, elements, kept, ...) \
  {multiply<BlockKind::kept>, BlockTiles<PackedSource<BlockKind::kept>>::kMaxRows},
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
}};

}  // namespace lanewise::ops::LW_ISA_NAME
