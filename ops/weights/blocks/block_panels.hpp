#pragma once

#include <cstdint>

#include "ops/weights/blocks/block_traits.hpp"
#include "ops/weights/linear_block.hpp"

namespace lanewise::ops {

/// Inputs that products with many rows unpack at once.
inline constexpr size_t kUnpackedInputs = 2048;
/// The most panels that products walk at once.
inline constexpr size_t kMostBlockPanels = 4;

/// The formats that keep the values of GGUF's block formats (block_formats.def): codes of a few
/// bits, which stand for integers v, and scales for groups of them.
///
///   weight        [panels, k / 32, bytes] U8: codes. 64 bytes hold some bits of the codes of 4
///                 inputs for each of 16 features, those of input i of feature j in byte 4 j + i.
///                 Codes of 2, 4 and 8 bits share bytes with those of the next inputs
///                 (CodePlane); others are stored as 4 or 2 bits, followed by the higher ones.
///   weight_scale  [panels, k / elements, bytes] U8: for 16 features each, the scales d in f16, the
///                 minimums m in f16 if there are any, and in blocks of 256 elements for each group
///                 its scale, and if there are minimums its minimum, in 8 bits. Q2_K has both in
///                 the halves of a byte.
///
///   w[n, i] = d[n, b] * v[n, i] + m[n, b]                                   blocks b of 32
///   w[n, i] = d[n, b] * scale[n, g] * v[n, i] - m[n, b] * minimum[n, g]     groups g of blocks b
///
/// Codes of Q8_0 are stored 128 larger than its integers: without a sign, as products need them.
/// Scales of Q3_K and IQ4_XS are stored 32 smaller than in GGUF: as what they stand for.
struct BlockPanels {
  static constexpr bool kPreparesRows = true;

  BlockKind kind = BlockKind::q8_0;
  const std::byte* codes = nullptr;
  size_t panel_bytes = 0;  // of codes, from panel to panel
  const std::byte* scales = nullptr;
  size_t panel_scale_bytes = 0;

  BlockPanels from(size_t feature) const noexcept {
    BlockPanels w = *this;
    w.codes += feature / kPanel * panel_bytes;
    w.scales += feature / kPanel * panel_scale_bytes;
    return w;
  }
  size_t scratch_bytes(size_t k, const Norm& norm) const noexcept;
  void unpack_row(size_t row, size_t k, float* y) const noexcept;
};

using BlocksBlock = WeightBlock<BlockPanels>;

/// Bytes between rounded rows. A block of one takes up to two bytes for each input, a scale, and for
/// each group what its sums start with, or the sum of its inputs.
constexpr size_t rounded_stride(size_t k) noexcept {
  return prepared_stride(k / kBlockInputs * (2 * kBlockInputs + 3 * sizeof(float)));
}

/// Bytes of the codes of the largest number of unpacked inputs of a panel.
constexpr size_t unpacked_panel_bytes(size_t k) noexcept {
  return kPanel * (k < kUnpackedInputs ? k : kUnpackedInputs);
}

/// Floats of the scales and minimums of the largest number of unpacked inputs of a panel.
inline constexpr size_t kUnpackedFactors = kUnpackedInputs / 16 * 2 * kPanel;

}  // namespace lanewise::ops
