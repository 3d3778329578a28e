#include "tests/converters/hf_checkpoint.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

constexpr float kEosBias = 0.75F;

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

bool is_norm(const std::string& name) {
  return name.find("norm") != std::string::npos && name.ends_with("weight");
}

float scale_of(const std::string& name, size_t dimensions) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (is_norm(name)) return 0.25F;
  if (has("relative_attention_bias")) return 2.0F;
  if (name == "model.shared.weight") return 0.125F;
  if (has("shared") || has("embed") || has("lm_head")) return 0.5F;
  if (dimensions == 1) return 0.0625F;
  if (has("encoder_attn")) return 0.75F;
  return name.starts_with("model.") ? 0.375F : 0.25F;
}

template <typename T>
T expect_ok(Result<T> result, const std::string& what) {
  if (!result.ok()) throw std::runtime_error(what + ": " + result.status().message());
  return std::move(result).value();
}

std::string data_file(const std::string& name) {
  const char* data = std::getenv("LANEWISE_TEST_DATA");
  return std::string(data == nullptr ? "" : data) + "/hf_seq2seq/" + name;
}

}  // namespace

Tensor hf_weight(const std::string& name, const Shape& shape, int64_t eos) {
  Tensor tensor(DataType::kF32, shape);
  const Hash hash(name);
  const float scale = scale_of(name, shape.size());
  const float shift = is_norm(name) ? 1.0F : 0.0F;
  float* values = tensor.as<float>();
  for (int64_t i = 0; i < *element_count(shape); ++i) {
    const int32_t whole = static_cast<int32_t>(hash(i) >> 8) - (1 << 23);
    values[i] = shift + static_cast<float>(whole) * 0x1p-23F * scale;
  }
  if (name == "final_logits_bias") values[eos] = kEosBias;
  return tensor;
}

HfCheckpoint hf_checkpoint(const std::string& variant) {
  std::ifstream file(data_file("models.json"));
  const nlohmann::json model = nlohmann::json::parse(file).at(variant);
  HfCheckpoint checkpoint;
  for (const auto& [field, value] : model.at("config").items()) {
    checkpoint.config[field] = value.dump();
  }
  const nlohmann::json& generation = model.at("generation_config");
  if (!generation.is_null()) checkpoint.generation_config = generation.dump();
  const int64_t eos = model.at("config").at("eos_token_id").get<int64_t>();
  for (const auto& [name, shape] : model.at("tensors").items()) {
    checkpoint.tensors[name] = hf_weight(name, shape.get<Shape>(), eos);
  }
  return checkpoint;
}

TensorMap hf_golden(const std::string& variant) {
  const std::string path = data_file(variant + ".safetensors");
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
