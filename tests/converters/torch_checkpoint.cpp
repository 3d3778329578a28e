#include "tests/converters/torch_checkpoint.hpp"

#include <utility>

#include "tests/converters/hashed_weights.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kEos = 2;
constexpr float kTorchCheckpointEosBias = 1.5F;

float torch_checkpoint_scale_of(const std::string& name, size_t dimensions) {
  if (name.find("norm") != std::string::npos && name.ends_with("weight")) return 0.25F;
  if (name == "generator.weight") return 0.25F;
  if (name == "positional_encoding.pos_embedding") return 0.5F;
  return dimensions == 1 ? 0.0625F : 0.125F;
}

class TorchCheckpointStateDict {
 public:
  explicit TorchCheckpointStateDict(const TorchSizes& sizes) : s_(sizes) {}

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

}  // namespace

Tensor torch_weight(const std::string& name, const Shape& shape) {
  const bool norm = name.find("norm") != std::string::npos && name.ends_with("weight");
  Tensor tensor =
      hashed_tensor(name, shape, torch_checkpoint_scale_of(name, shape.size()), norm ? 1.0F : 0.0F);
  if (name == "generator.bias") tensor.as<float>()[kEos] = kTorchCheckpointEosBias;
  return tensor;
}

TensorMap torch_state_dict(const TorchSizes& sizes) {
  TorchCheckpointStateDict state(sizes);
  state.add("src_tok_emb.embedding.weight", {sizes.source_tokens, sizes.width});
  state.add("tgt_tok_emb.embedding.weight", {sizes.target_tokens, sizes.width});
  state.stack("transformer.encoder", sizes.encoder_layers, false);
  state.stack("transformer.decoder", sizes.decoder_layers, true);
  state.linear("generator", {sizes.target_tokens, sizes.width});
  return std::move(state).take();
}

TensorMap torch_golden(const std::string& name) {
  return data_tensors("torch_transformer/" + name + ".safetensors");
}

}  // namespace lanewise::converters
