#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lanewise::converters {

/// Numbers of types of metadata in a file.
enum GgufNumber : uint32_t {
  kGgufU8,
  kGgufI8,
  kGgufU16,
  kGgufI16,
  kGgufU32,
  kGgufI32,
  kGgufF32,
  kGgufBool,
  kGgufString,
  kGgufArray,
  kGgufU64,
  kGgufI64,
  kGgufF64,
};

template <typename T>
std::string gguf_bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

inline std::string gguf_string(std::string_view text) {
  return gguf_bytes<uint64_t>(text.size()) + std::string(text);
}

inline std::string gguf_array(uint32_t type, uint64_t count, std::string_view elements) {
  return gguf_bytes(type) + gguf_bytes(count) + std::string(elements);
}

inline std::string gguf_strings(const std::vector<std::string>& list) {
  std::string elements;
  for (const std::string& text : list) elements += gguf_string(text);
  return gguf_array(kGgufString, list.size(), elements);
}

/// Composes a GGUF file, well-formed or not.
struct GgufWriter {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;  ///< the innermost first
    uint32_t type = 0;
    std::string elements = {};
    int64_t offset = -1;  ///< of the elements; -1: the next free multiple of the alignment
  };

  uint32_t version = 3;
  uint64_t alignment = 32;
  std::string entries = {};
  uint64_t entry_count = 0;
  std::vector<Tensor> tensors = {};

  GgufWriter& add(std::string_view key, uint32_t type, std::string_view value) {
    entries += gguf_string(key) + gguf_bytes(type) + std::string(value);
    ++entry_count;
    return *this;
  }

  std::string bytes() const {
    std::string list;
    std::string data;
    for (const Tensor& tensor : tensors) {
      data.resize((data.size() + alignment - 1) / alignment * alignment);
      list += gguf_string(tensor.name) + gguf_bytes<uint32_t>(tensor.dims.size());
      for (const uint64_t dim : tensor.dims) list += gguf_bytes(dim);
      const uint64_t offset = tensor.offset < 0 ? data.size() : tensor.offset;
      list += gguf_bytes(tensor.type) + gguf_bytes(offset);
      data += tensor.elements;
    }
    std::string file = "GGUF" + gguf_bytes(version) + gguf_bytes<uint64_t>(tensors.size()) +
                       gguf_bytes(entry_count) + entries + list;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data;
  }
};

}  // namespace lanewise::converters
