#include "converters/formats/gguf_types.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace lanewise::converters {
namespace {

GgufTensorType plain(uint32_t number, DataType type) {
  return {number, name_of(type), 1, static_cast<int64_t>(size_of(type)), type};
}

/// Of block_formats.def.
GgufTensorType blocks(uint32_t number, std::string_view name) {
  const ops::BlockFormat* format = ops::find_block_format(name);
  return {number, format->name, format->elements, format->bytes, DataType::kF32, format};
}

/// Known by name and size, so that the rest of the file can be read.
GgufTensorType foreign(uint32_t number, std::string_view name, int64_t elements, int64_t bytes) {
  return {number, name, elements, bytes, DataType::kU8, nullptr, true};
}

/// Layouts for particular kernels, which llama.cpp wrote for a while and no longer reads.
GgufTensorType removed(uint32_t number, std::string_view name) {
  return foreign(number, name, 1, 0);
}

std::vector<GgufTensorType> all_types() {
  return {plain(0, DataType::kF32),
          plain(1, DataType::kF16),
          blocks(2, "Q4_0"),
          blocks(3, "Q4_1"),
          removed(4, "Q4_2"),
          removed(5, "Q4_3"),
          blocks(6, "Q5_0"),
          blocks(7, "Q5_1"),
          blocks(8, "Q8_0"),
          foreign(9, "Q8_1", 32, 36),
          blocks(10, "Q2_K"),
          blocks(11, "Q3_K"),
          blocks(12, "Q4_K"),
          blocks(13, "Q5_K"),
          blocks(14, "Q6_K"),
          foreign(15, "Q8_K", 256, 292),
          foreign(16, "IQ2_XXS", 256, 66),
          foreign(17, "IQ2_XS", 256, 74),
          foreign(18, "IQ3_XXS", 256, 98),
          foreign(19, "IQ1_S", 256, 50),
          blocks(20, "IQ4_NL"),
          foreign(21, "IQ3_S", 256, 110),
          foreign(22, "IQ2_S", 256, 82),
          blocks(23, "IQ4_XS"),
          plain(24, DataType::kI8),
          plain(25, DataType::kI16),
          plain(26, DataType::kI32),
          plain(27, DataType::kI64),
          plain(28, DataType::kF64),
          foreign(29, "IQ1_M", 256, 56),
          plain(30, DataType::kBF16),
          removed(31, "Q4_0_4_4"),
          removed(32, "Q4_0_4_8"),
          removed(33, "Q4_0_8_8"),
          foreign(34, "TQ1_0", 256, 54),
          foreign(35, "TQ2_0", 256, 66),
          removed(36, "IQ4_NL_4_4"),
          removed(37, "IQ4_NL_4_8"),
          removed(38, "IQ4_NL_8_8"),
          foreign(39, "MXFP4", 32, 17),
          foreign(40, "NVFP4", 64, 36),
          foreign(41, "Q1_0", 128, 18)};
}

}  // namespace

const GgufTensorType* find_gguf_tensor_type(uint32_t number) noexcept {
  static const std::vector<GgufTensorType> types = all_types();
  return number < types.size() ? &types[number] : nullptr;
}

}  // namespace lanewise::converters
