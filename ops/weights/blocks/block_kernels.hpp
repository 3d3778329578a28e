#pragma once

#include "ops/isa.hpp"
#include "ops/weights/blocks/block_panels.hpp"

namespace lanewise::ops {

/// Linear layers with weights in one block format. Inputs are rounded to 8 bits in blocks of 32,
/// x[r, i] ~ s[r, b] * q[r, i], where the largest magnitude of a block becomes 127:
///
///   sum += (s[r, b] * scale[n, g]) * (sum_{i in g} v[n, i] q[r, i])
///   sum += (s[r, b] * sum_{i in g} q[r, i]) * minimum[n, g]     if there are minimums
///
/// for groups g of weights in the order of inputs. Sums over a group are exact integers; each line
/// is one multiply-add.
struct BlockFormatKernels {
  /// `scratch`: Weight::scratch_bytes(), aligned to 64.
  void (*multiply)(const BlocksBlock& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
};

struct BlockKernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni};

  BlockFormatKernels formats[kBlockKinds];
};

}  // namespace lanewise::ops
