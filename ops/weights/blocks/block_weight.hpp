#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/weights/blocks/block_format.hpp"
#include "ops/weights/packed_weight.hpp"

namespace lanewise::ops {

/// The format of weights that keeps the values of a block format, which block_formats() has.
WeightFormat kept_format(const BlockFormat& blocks) noexcept;

/// Null unless `format` keeps the values of a block format.
const BlockFormat* blocks_of(WeightFormat format) noexcept;

/// The tensors of a weight [n, k] in the format that keeps the values of `blocks`, all zero: what
/// put_block_rows() fills. k must be a multiple of the elements of a block.
PackedWeight make_block_weight(const BlockFormat& blocks, int64_t n, int64_t k);

/// Stores rows of GGUF blocks in a weight that make_block_weight() made, without rounding. Rows may
/// come in any order and in several calls.
///
/// first  the row of the weight that the first of them becomes
/// count  rows, first + count <= n
/// rows   [count, k / elements * bytes of a block], at any address
void put_block_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows);

}  // namespace lanewise::ops
