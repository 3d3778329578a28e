#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lanewise::ops {

/// A way to store consecutive elements of a row in blocks of a fixed size (block_formats.def).
struct BlockFormat {
  std::string_view name;  ///< in GGUF: `Q4_K`
  int64_t elements;       ///< in one block
  int64_t bytes;          ///< of one block
  /// Unpacks `count` blocks.
  ///
  /// blocks  [count * bytes], at any address
  /// y       [count * elements]
  /// Error: each product of the formulas is exact, since an f16 has 11 significant bits, a scale at
  /// most 7 and a code at most 7; formats with a minimum round once, at the sum.
  void (*unpack)(const std::byte* blocks, size_t count, float* y) noexcept;
};

/// All of block_formats.def.
std::span<const BlockFormat> block_formats() noexcept;
/// Returns null if there is none with that name.
const BlockFormat* find_block_format(std::string_view name) noexcept;

}  // namespace lanewise::ops
