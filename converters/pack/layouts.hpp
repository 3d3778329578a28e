#pragma once

#include <string_view>

namespace lanewise::converters {

/// The layout of a weight in a model file.
enum class Layout {
  kRows,    ///< as in PyTorch, row-major
  kPanels,  ///< [N, K] cut into panels of 16 rows: [ceil(N / 16), K, 16] (panels.hpp); as bf16 or
            ///< integers with what belongs to them (ops/weights)
  kTable,   ///< row-major, may be bf16 or 8-bit integers with a scale for each row
};

/// The layout of operator `op`'s weight in that role (ops/ops.def).
Layout layout_of(std::string_view op, std::string_view role) noexcept;

}  // namespace lanewise::converters
