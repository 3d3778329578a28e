#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/weights/blocks/block_traits.hpp"

namespace lanewise::ops {

/// The numbers in one block of any format.
struct BlockNumbers {
  uint8_t codes[256];    // [elements], without a sign
  uint16_t scale;        // d, as f16
  uint16_t minimum;      // m, as f16; 0 if there are no minimums
  int8_t scales[16];     // [groups] of blocks of 256
  uint8_t minimums[16];  // [groups] of blocks of 256 that have minimums
};

/// Reads a block of a GGUF file at any address.
void read_block(BlockKind kind, const std::byte* block, BlockNumbers& numbers) noexcept;

/// Rounds `elements` floats in the simplest way: the largest value of a group has the largest code.
/// Finite floats whose scales f16 can represent.
void round_block(BlockKind kind, const float* w, BlockNumbers& numbers) noexcept;

}  // namespace lanewise::ops
