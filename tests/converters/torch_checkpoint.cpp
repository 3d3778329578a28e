#include "tests/converters/torch_checkpoint.hpp"

#include <cstdlib>
#include <stdexcept>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kEos = 2;
constexpr float kEosBias = 1.5F;

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

float scale_of(const std::string& name, size_t dimensions) {
  if (name.find("norm") != std::string::npos && name.ends_with("weight")) return 0.25F;
  if (name == "generator.weight") return 0.25F;
  if (name == "positional_encoding.pos_embedding") return 0.5F;
  return dimensions == 1 ? 0.0625F : 0.125F;
}

class StateDict {
 public:
  explicit StateDict(const TorchSizes& sizes) : s_(sizes) {}

  void add(const std::string& name, const Shape& shape) {
    tensors_[name] = torch_weight(name, shape);
  }
  void affine(const std::string& weight, const std::string& bias, const Shape& shape) {
    add(weight, shape);
    if (s_.bias) add(bias, {shape[0]});
  }
  void linear(const std::string& name, const Shape& shape) {
    affine(name + ".weight", name + ".bias", shape);
  }
  void layer(const std::string& name, bool decoder) {
    attention(name + ".self_attn");
    if (decoder) attention(name + ".multihead_attn");
    linear(name + ".linear1", {s_.hidden, s_.width});
    linear(name + ".linear2", {s_.width, s_.hidden});
    for (int i = 1; i <= (decoder ? 3 : 2); ++i) {
      linear(name + ".norm" + std::to_string(i), {s_.width});
    }
  }
  void stack(const std::string& name, int64_t layers, bool decoder) {
    for (int64_t i = 0; i < layers; ++i) layer(name + ".layers." + std::to_string(i), decoder);
    linear(name + ".norm", {s_.width});
  }
  TensorMap take() && { return std::move(tensors_); }

 private:
  void attention(const std::string& name) {
    affine(name + ".in_proj_weight", name + ".in_proj_bias", {3 * s_.width, s_.width});
    linear(name + ".out_proj", {s_.width, s_.width});
  }

  TorchSizes s_;
  TensorMap tensors_;
};

template <typename T>
T expect_ok(Result<T> result, const std::string& what) {
  if (!result.ok()) throw std::runtime_error(what + ": " + result.status().message());
  return std::move(result).value();
}

}  // namespace

Tensor torch_weight(const std::string& name, const Shape& shape) {
  Tensor tensor(DataType::kF32, shape);
  const Hash hash(name);
  const float scale = scale_of(name, shape.size());
  const float shift = name.find("norm") != std::string::npos && name.ends_with("weight") ? 1.0F : 0;
  float* values = tensor.as<float>();
  for (int64_t i = 0; i < *element_count(shape); ++i) {
    const int32_t whole = static_cast<int32_t>(hash(i) >> 8) - (1 << 23);
    values[i] = shift + static_cast<float>(whole) * 0x1p-23F * scale;
  }
  if (name == "generator.bias") values[kEos] = kEosBias;
  return tensor;
}

TensorMap torch_state_dict(const TorchSizes& sizes) {
  StateDict state(sizes);
  state.add("src_tok_emb.embedding.weight", {sizes.source_tokens, sizes.width});
  state.add("tgt_tok_emb.embedding.weight", {sizes.target_tokens, sizes.width});
  state.stack("transformer.encoder", sizes.encoder_layers, false);
  state.stack("transformer.decoder", sizes.decoder_layers, true);
  state.linear("generator", {sizes.target_tokens, sizes.width});
  return std::move(state).take();
}

TensorMap torch_golden(const std::string& name) {
  return golden_tensors("torch_transformer/" + name + ".safetensors");
}

TensorMap golden_tensors(const std::string& name) {
  const char* data = std::getenv("LANEWISE_TEST_DATA");
  const std::string path = std::string(data == nullptr ? "" : data) + "/" + name;
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
