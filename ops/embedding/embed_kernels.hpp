#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Element types of a token table; other tables are f32.
enum class EmbedType { kF32, kBF16, kI8 };

/// A table, and which of its rows each row of a block uses.
struct EmbedTable {
  const void* data = nullptr;  // [rows, dim]; null: not used
  EmbedType type = EmbedType::kF32;
  const float* scale = nullptr;  // kI8 [rows]
  int64_t rows = 0;
  const int32_t* index = nullptr;  // of row r: index[r * stride] + first; if null: r + first
  size_t stride = 0;
  int64_t first = 0;
};

struct EmbedBlock {
  EmbedTable token;
  EmbedTable position;
  EmbedTable type;
  float scale = 1.0f;  // applies to the token only
  float* y = nullptr;  // [rows, dim]
  size_t y_stride = 0;
  size_t rows = 0;
  size_t dim = 0;
};

struct EmbedKernels {
  /// y[r] = scale * token[r] + position[r] + type[r]
  void (*embed)(const EmbedBlock& block) noexcept;
};

}  // namespace lanewise::ops
