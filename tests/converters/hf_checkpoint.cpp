#include "tests/converters/hf_checkpoint.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/converters/hashed_weights.hpp"

namespace lanewise::converters {
namespace {

constexpr float kHfCheckpointEosBias = 0.75F;

bool is_norm(const std::string& name) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  return (has("norm") || has("Norm") || has("ln_") || has("_ln")) && name.ends_with("weight");
}

float hf_checkpoint_scale_of(const std::string& name, size_t dimensions) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (is_norm(name)) return 0.25F;
  if (has("relative_attention_bias")) return 2.0F;
  if (name == "model.shared.weight") return 0.125F;
  for (const char* table : {"shared", "embed", "lm_head", ".wte.", ".wpe."}) {
    if (has(table)) return 0.5F;
  }
  if (dimensions == 1) return 0.0625F;
  if (has("encoder_attn")) return 0.75F;
  return name.starts_with("model.") ? 0.375F : 0.25F;
}

nlohmann::json hf_models(const std::string& folder) {
  std::ifstream file(data_path(folder + "/models.json"));
  return nlohmann::json::parse(file);
}

}  // namespace

std::vector<std::string> hf_variants(const std::string& folder) {
  const nlohmann::json models = hf_models(folder);
  std::vector<std::string> names;
  for (const auto& [name, model] : models.items()) names.push_back(name);
  return names;
}

Tensor hf_weight(const std::string& name, const Shape& shape, int64_t eos) {
  Tensor tensor = hashed_tensor(name, shape, hf_checkpoint_scale_of(name, shape.size()),
                                is_norm(name) ? 1.0F : 0.0F);
  if (name == "final_logits_bias") tensor.as<float>()[eos] = kHfCheckpointEosBias;
  return tensor;
}

HfCheckpoint hf_checkpoint(const std::string& variant, const std::string& folder) {
  const nlohmann::json model = hf_models(folder).at(variant);
  HfCheckpoint checkpoint;
  for (const auto& [field, value] : model.at("config").items()) {
    checkpoint.config[field] = value.dump();
  }
  const nlohmann::json& generation = model.at("generation_config");
  if (!generation.is_null()) checkpoint.generation_config = generation.dump();
  const int64_t eos = model.at("config").value("eos_token_id", int64_t{0});
  for (const auto& [name, shape] : model.at("tensors").items()) {
    checkpoint.tensors[name] = hf_weight(name, shape.get<Shape>(), eos);
  }
  return checkpoint;
}

TensorMap hf_golden(const std::string& variant, const std::string& folder) {
  return data_tensors(folder + "/" + variant + ".safetensors");
}

}  // namespace lanewise::converters
