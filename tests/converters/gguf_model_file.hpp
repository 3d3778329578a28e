#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lanewise/tensor.hpp"
#include "tests/converters/gguf_writer.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {

/// The entries and tensors of a GGUF, to be changed before it is written.
struct GgufModelFile {
  std::map<std::string, std::pair<uint32_t, std::string>> entries;  ///< type and bytes, by key
  std::map<std::string, GgufWriter::Tensor> tensors;

  void u32(const std::string& key, uint32_t value) { entries[key] = {kGgufU32, gguf_bytes(value)}; }
  void f32(const std::string& key, float value) { entries[key] = {kGgufF32, gguf_bytes(value)}; }
  void boolean(const std::string& key, bool value) {
    entries[key] = {kGgufBool, gguf_bytes<uint8_t>(value ? 1 : 0)};
  }
  void text(const std::string& key, std::string_view value) {
    entries[key] = {kGgufString, gguf_string(value)};
  }
  void texts(const std::string& key, const std::vector<std::string>& list) {
    entries[key] = {kGgufArray, gguf_strings(list)};
  }
  void numbers(const std::string& key, const std::vector<int32_t>& list);
  void floats(const std::string& key, const std::vector<float>& list);

  /// F32.
  void tensor(const std::string& name, const Shape& shape, const std::vector<float>& values);
  /// Q8_0 with the scale 2^-7; values are multiples of it from -1 to 127 / 128.
  void q8_tensor(const std::string& name, const Shape& shape, const std::vector<float>& values);

  std::string bytes() const;
};

/// The model as llama.cpp's converter writes it, without a tokenizer. Its config has no fields but
/// those that GGUF can express.
///
/// q8  matrices are in Q8_0 if their rows have a multiple of 32 elements
GgufModelFile gguf_model_file(const HfCheckpoint& checkpoint, bool q8 = false);

/// Adds a byte-level tokenizer of `count` tokens: 256 bytes, some merges, and special tokens.
void add_byte_level_tokenizer(GgufModelFile& file, size_t count);

}  // namespace lanewise::converters
