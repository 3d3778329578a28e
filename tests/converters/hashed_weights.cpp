#include "tests/converters/hashed_weights.hpp"

#include <stdexcept>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

/// FNV-1a of the name and the index, mixed as MurmurHash3 ends.
class Hash {
 public:
  explicit Hash(const std::string& name) {
    for (const char c : name) seed_ = (seed_ ^ static_cast<uint8_t>(c)) * 16777619U;
  }
  uint32_t operator()(int64_t index) const {
    uint32_t h = static_cast<uint32_t>(index) * 2654435761U + seed_;
    h = (h ^ h >> 16) * 0x85EBCA6BU;
    h = (h ^ h >> 13) * 0xC2B2AE35U;
    return h ^ h >> 16;
  }

 private:
  uint32_t seed_ = 2166136261U;
};

template <typename T>
T expect_ok(Result<T> result, const std::string& what) {
  if (!result.ok()) throw std::runtime_error(what + ": " + result.status().message());
  return std::move(result).value();
}

}  // namespace

Tensor hashed_tensor(const std::string& name, const Shape& shape, float scale, float shift) {
  Tensor tensor(DataType::kF32, shape);
  const Hash hash(name);
  float* values = tensor.as<float>();
  for (int64_t i = 0; i < *element_count(shape); ++i) {
    const int32_t whole = static_cast<int32_t>(hash(i) >> 8) - (1 << 23);
    values[i] = shift + static_cast<float>(whole) * 0x1p-23F * scale;
  }
  return tensor;
}

std::string data_path(const std::string& name) { return test_data_folder() + "/" + name; }

TensorMap data_tensors(const std::string& name) {
  const std::string path = data_path(name);
  const file::MappedFile file = expect_ok(file::MappedFile::open(path), path);
  const file::SafetensorsView view =
      expect_ok(file::SafetensorsView::parse(file.bytes(), path), path);
  TensorMap tensors;
  for (const file::TensorEntry& entry : view.tensors()) {
    tensors[entry.name] = expect_ok(file::copy_tensor(view.view(entry)), entry.name);
  }
  return tensors;
}

}  // namespace lanewise::converters
