#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::ops {

/// Element types of a table of tokens; other tables are f32.
enum class EmbedType { kF32, kBF16, kI8 };

/// A table of rows and which of them each row of a block takes.
struct EmbedTable {
  const void* data = nullptr;  // [rows, dim], or null where nothing is taken
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
  float scale = 1.0f;  // of the token alone
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
