#pragma once

#include <cstdint>
#include <string_view>

#include "lanewise/tensor.hpp"
#include "ops/weights/blocks/block_format.hpp"

namespace lanewise::converters {

/// How a GGUF stores the elements of a tensor.
struct GgufTensorType {
  uint32_t number;
  std::string_view name;
  int64_t elements;  ///< in one block; 1 for plain types
  int64_t bytes;     ///< of one block; 0 for a type that files no longer use
  /// Of the elements when read; kU8 where neither `blocks` nor DataType has them.
  DataType type = DataType::kU8;
  const ops::BlockFormat* blocks = nullptr;  ///< null for plain and for foreign types
  bool is_foreign = false;
};

/// Returns null if no type has that number.
const GgufTensorType* find_gguf_tensor_type(uint32_t number) noexcept;

}  // namespace lanewise::converters
