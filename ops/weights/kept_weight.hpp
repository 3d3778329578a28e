#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/weights/packed_weight.hpp"

namespace lanewise::ops {

/// Weights that are packed as a checkpoint stores them, without rounding, a few rows at a time. For
/// f16, bf16_exact, and the formats of GGUF's blocks.

/// The tensors of a weight [n, k], all zero. k must be a multiple of the elements of a block.
PackedWeight make_kept_weight(WeightFormat format, int64_t n, int64_t k);

/// The bytes of a row as a checkpoint stores it: little-endian numbers of 16 bits, or blocks.
int64_t kept_row_bytes(WeightFormat format, int64_t k);

/// Stores rows of a checkpoint in a weight that make_kept_weight() made. They may come in any order
/// and in several calls.
///
/// first  the row of the weight that the first of them becomes
/// count  rows, first + count <= n
/// rows   [count, kept_row_bytes()], at any address
void put_kept_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows);

}  // namespace lanewise::ops
