#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// The formats of block_formats.def.
enum class BlockKind {
#define LW_BLOCK_FORMAT(block, name, elements, kept, ...) kept,
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
};

inline constexpr size_t kBlockKinds = 0
#define LW_BLOCK_FORMAT(...) +1  // NOLINT(bugprone-macro-parentheses)
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
    ;

/// Inputs whose codes are stored together, and whose activations share a scale.
inline constexpr size_t kBlockInputs = 32;

/// Some bits of the codes of 32 inputs and 16 features: 64 bytes hold those of four inputs several
/// times over, from the lowest bits up.
struct CodePlane {
  size_t width;  // bits of a code
  size_t low;    // the lowest of them
  size_t at;     // bytes from the first one of the 32 inputs

  constexpr size_t steps_per_vector() const noexcept { return 8 / width; }
  /// Where the bits of inputs 4 step to 4 step + 3 are.
  constexpr size_t vector_at(size_t step) const noexcept {
    return at + step / steps_per_vector() * 64;
  }
  constexpr size_t shift(size_t step) const noexcept { return width * (step % steps_per_vector()); }
};

/// A line of block_formats.def, and what follows from it for panels (BlockPanels).
struct BlockTraits {
  size_t elements;
  size_t bits;
  int zero;
  size_t group;
  bool has_minimum;

  constexpr bool is_table() const noexcept { return zero < 0; }
  constexpr size_t groups() const noexcept { return elements / group; }
  /// Whether groups have integers for scales, which a number of the block scales.
  constexpr bool has_group_scales() const noexcept { return groups() > 1; }
  /// Whether the scale and the minimum of a group share a byte.
  constexpr bool shares_bytes() const noexcept { return has_minimum && group == 16; }

  constexpr size_t planes() const noexcept { return bits == 3 || bits == 5 || bits == 6 ? 2 : 1; }
  constexpr CodePlane plane(size_t index) const noexcept {
    const size_t first = planes() == 1 ? bits : bits == 3 ? 2 : 4;
    return index == 0 ? CodePlane{first, 0, 0} : CodePlane{bits - first, first, 64 * first};
  }

  /// Bytes of 32 inputs of a panel.
  constexpr size_t code_bytes() const noexcept { return 64 * bits; }
  /// Bytes of the scales of `elements` inputs of a panel.
  constexpr size_t scale_bytes() const noexcept {
    const size_t numbers = 32 * (has_minimum ? 2 : 1);
    if (!has_group_scales()) return numbers;
    return numbers + groups() * group_bytes();
  }
  /// Bytes of the scales of a group of a panel.
  constexpr size_t group_bytes() const noexcept { return has_minimum && !shares_bytes() ? 32 : 16; }
};

constexpr BlockTraits traits_of(BlockKind kind) noexcept {
  constexpr BlockTraits kTraits[] = {
#define LW_BLOCK_FORMAT(block, name, elements, kept, ...) {elements, __VA_ARGS__},
#include "ops/weights/blocks/block_formats.def"
#undef LW_BLOCK_FORMAT
  };
  return kTraits[static_cast<size_t>(kind)];
}

}  // namespace lanewise::ops
