#pragma once

/// What happens to the sums of a tile that are kept as f32 in memory, for the kernels of these
/// folders only.

#include "ops/weights/linear_finish.hpp"
#include "ops/weights/linear_tiles.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// Whether an activation may be computed as roughly as its inputs were rounded
/// (activate_coarsely()).
enum class Precision { kExact, kCoarse };

/// bias, activation and residual for up to 16 features of one row.
template <Activation kActivation, Precision kPrecision>
LW_INLINE void finish_vector(const LinearBlock& block, f32x16 sum, size_t row,
                             size_t feature) noexcept {
  const RowPart features = RowPart::of(feature, block.n);
  if (block.bias != nullptr) sum = sum + features.from(block.bias);
  const f32x16 y = kPrecision == Precision::kCoarse ? activate_coarsely<kActivation>(sum)
                                                    : activate<kActivation>(sum);
  finish_features(block, y, row, features);
}

/// Finishes the sums of a tile, [rows][panels][16]: `rows` rows from `row`, `panels` panels from
/// `panel`.
template <Activation kActivation, Precision kPrecision>
void finish_tile(const LinearBlock& block, const float* sums, size_t row, size_t rows, size_t panel,
                 size_t panels) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t p = 0; p < panels; ++p, sums += kLanes) {
      finish_vector<kActivation, kPrecision>(block, load(sums), row + r, (panel + p) * kPanel);
    }
  }
}

using FinishFunction = void (*)(const LinearBlock& block, const float* sums, size_t row,
                                size_t rows, size_t panel, size_t panels) noexcept;

// In the order of Activation.
template <Precision kPrecision>
constexpr FinishFunction kFinishTile[] = {
#define LW_ACTIVATION(kind, name, function) finish_tile<Activation::kind, kPrecision>,
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
};

/// Prefetches the output lines of a tile while its sums are computed: an output larger than the
/// caches otherwise stalls the stores (92 instead of 86 % of the peak at 512 rows).
void prefetch_results(const LinearBlock& block, const RowTiles& tiles, size_t index, size_t panel,
                      size_t panels) noexcept {
  const float* y = block.y + tiles.begin(index) * block.y_stride + panel * kPanel;
  for (size_t r = 0; r < tiles.rows(index); ++r, y += block.y_stride) {
    for (size_t p = 0; p < panels; ++p) prefetch_for_write(y + p * kLanes);
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
