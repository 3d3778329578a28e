// LLaMA and its relatives: the config.json of Transformers and the names of their tensors. Meaning
// of the keys: llama.cpp's gguf-py/gguf/constants.py and src/llama-hparams.h.

#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/gguf/architecture.hpp"
#include "converters/gguf/rope.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using enum Rearrangement;

constexpr int64_t kMostDecoderFeatures = 1 << 20;
constexpr int64_t kMostWindow = INT32_MAX / 4;

constexpr GgufModule kOutside[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};

/// With rotary positions in pairs, which the conversion from Transformers made by moving rows.
constexpr GgufModule kLlama[] = {{"attn_norm", "input_layernorm"},
                                 {"attn_q", "self_attn.q_proj", kPairs, kPairs},
                                 {"attn_k", "self_attn.k_proj", kPairs, kPairs},
                                 {"attn_v", "self_attn.v_proj"},
                                 {"attn_output", "self_attn.o_proj"},
                                 {"ffn_norm", "post_attention_layernorm"},
                                 {"ffn_gate", "mlp.gate_proj"},
                                 {"ffn_up", "mlp.up_proj"},
                                 {"ffn_down", "mlp.down_proj"}};

constexpr GgufModule kQwen[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"}};

// The weights of all experts are one tensor, which folders do not have: converters/families/llama.cpp
// knows these names.
constexpr GgufModule kMixtral[] = {{"attn_norm", "input_layernorm"},
                                   {"attn_q", "self_attn.q_proj", kPairs, kPairs},
                                   {"attn_k", "self_attn.k_proj", kPairs, kPairs},
                                   {"attn_v", "self_attn.v_proj"},
                                   {"attn_output", "self_attn.o_proj"},
                                   {"ffn_norm", "post_attention_layernorm"},
                                   {"ffn_gate_inp", "mlp.gate"},
                                   {"ffn_gate_exps", "mlp.experts.gate_proj"},
                                   {"ffn_up_exps", "mlp.experts.up_proj"},
                                   {"ffn_down_exps", "mlp.experts.down_proj"}};

constexpr GgufModule kQwenMoe[] = {
    {"attn_norm", "input_layernorm"},       {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},         {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"},    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate_inp", "mlp.gate"},           {"ffn_gate_exps", "mlp.experts.gate_proj"},
    {"ffn_up_exps", "mlp.experts.up_proj"}, {"ffn_down_exps", "mlp.experts.down_proj"}};

constexpr GgufModule kPhi3[] = {
    {"attn_norm", "input_layernorm"},    {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.gate_up_proj"},      {"ffn_down", "mlp.down_proj"}};

constexpr GgufModule kOlmo2[] = {{"attn_q", "self_attn.q_proj"},
                                 {"attn_k", "self_attn.k_proj"},
                                 {"attn_v", "self_attn.v_proj"},
                                 {"attn_q_norm", "self_attn.q_norm"},
                                 {"attn_k_norm", "self_attn.k_norm"},
                                 {"attn_output", "self_attn.o_proj"},
                                 {"post_attention_norm", "post_attention_layernorm"},
                                 {"ffn_gate", "mlp.gate_proj"},
                                 {"ffn_up", "mlp.up_proj"},
                                 {"ffn_down", "mlp.down_proj"},
                                 {"post_ffw_norm", "post_feedforward_layernorm"}};

constexpr GgufModule kGemmaOutside[] = {{"token_embd", "model.embed_tokens"},
                                        {"output_norm", "model.norm", kOneAdded},
                                        {"output", "lm_head"}};
constexpr GgufModule kGemma[] = {{"attn_norm", "input_layernorm", kOneAdded},
                                 {"attn_q", "self_attn.q_proj"},
                                 {"attn_k", "self_attn.k_proj"},
                                 {"attn_v", "self_attn.v_proj"},
                                 {"attn_q_norm", "self_attn.q_norm", kOneAdded},
                                 {"attn_k_norm", "self_attn.k_norm", kOneAdded},
                                 {"attn_output", "self_attn.o_proj"},
                                 {"post_attention_norm", "post_attention_layernorm", kOneAdded},
                                 {"ffn_norm", "pre_feedforward_layernorm", kOneAdded},
                                 {"ffn_gate", "mlp.gate_proj"},
                                 {"ffn_up", "mlp.up_proj"},
                                 {"ffn_down", "mlp.down_proj"},
                                 {"post_ffw_norm", "post_feedforward_layernorm", kOneAdded}};

/// What the kinds of models have in common; a config writer adds the rest.
struct Common {
  GgufSizes sizes;
  int64_t head_dim = 0;
  Json config;
};

/// Without experts, which are another kind of model, whatever its architecture is called.
Status refuse_experts(const GgufFields& fields) {
  for (const char* name : {"expert_count", "expert_used_count"}) {
    LW_ASSIGN_OR_RETURN(const int64_t count, fields.integer_or(name, 0, 0, INT32_MAX));
    if (count > 0) return fields.refused(name, "a mixture of experts");
  }
  return {};
}

Status expect_causal(const GgufFields& fields) {
  LW_ASSIGN_OR_RETURN(const bool causal, fields.boolean_or("attention.causal", true));
  return causal ? Status() : fields.refused("attention.causal", "false");
}

Result<int64_t> read_head_dim(const GgufFields& fields, const GgufSizes& sizes) {
  const int64_t usual = sizes.width / sizes.heads;
  if (usual < 1 && !fields.has("attention.key_length")) {
    return fields.wrong("attention.head_count", "at most the " + std::to_string(sizes.width) +
                                                    " features of 'embedding_length'");
  }
  LW_ASSIGN_OR_RETURN(const int64_t keys,
                      fields.integer_or("attention.key_length", usual, 1, kMostDecoderFeatures));
  LW_ASSIGN_OR_RETURN(const int64_t values,
                      fields.integer_or("attention.value_length", usual, 1, kMostDecoderFeatures));
  if (keys == values) return keys;
  return fields.refused("attention.value_length",
                        "a size other than that of keys, " + std::to_string(keys) + ",");
}

/// What models with and without experts have in common.
Result<Common> read_layers(const GgufInput& input, std::string_view model_type) {
  const GgufFields& fields = input.fields;
  Common common;
  LW_RETURN_IF_ERROR(expect_causal(fields));
  LW_ASSIGN_OR_RETURN(common.sizes, read_gguf_sizes(input));
  const GgufSizes& sizes = common.sizes;
  LW_ASSIGN_OR_RETURN(
      const int64_t kv_heads,
      fields.integer_or("attention.head_count_kv", sizes.heads, 1, kMostDecoderFeatures));
  LW_ASSIGN_OR_RETURN(common.head_dim, read_head_dim(fields, sizes));
  LW_ASSIGN_OR_RETURN(const double eps, fields.number("attention.layer_norm_rms_epsilon", 0, 1));
  common.config = Json::object({{"model_type", model_type},
                                {"vocab_size", sizes.vocabulary},
                                {"hidden_size", sizes.width},
                                {"intermediate_size", sizes.hidden},
                                {"num_hidden_layers", sizes.layers},
                                {"num_attention_heads", sizes.heads},
                                {"num_key_value_heads", kv_heads},
                                {"head_dim", common.head_dim},
                                {"max_position_embeddings", sizes.context},
                                {"rms_norm_eps", eps},
                                {"tie_word_embeddings", !has_tensor(input, "output.weight")}});
  return common;
}

Result<Common> read_common(const GgufInput& input, std::string_view model_type) {
  LW_RETURN_IF_ERROR(refuse_experts(input.fields));
  return read_layers(input, model_type);
}

/// A model with experts, whose weights are normalised in llama.cpp.
Result<Common> read_with_experts(const GgufInput& input, std::string_view model_type) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(Common common, read_layers(input, model_type));
  LW_ASSIGN_OR_RETURN(const int64_t experts, fields.integer("expert_count", 1, kMostFeatures));
  LW_ASSIGN_OR_RETURN(const int64_t used, fields.integer("expert_used_count", 1, experts));
  common.config.set("num_local_experts", experts);
  common.config.set("num_experts_per_tok", used);
  common.config.set("norm_topk_prob", true);
  return common;
}

/// `partial`: whether only a part of each head may be turned.
Status add_rope(const GgufInput& input, bool partial, Common* common) {
  LW_ASSIGN_OR_RETURN(Json rope,
                      gguf_rope(input, common->head_dim, common->sizes.context, partial));
  common->config.set("rope_parameters", std::move(rope));
  return {};
}

/// Of attention, and where the family has them, of the feed-forward layer.
void add_biases(const GgufInput& input, bool mlp, Json* config) {
  config->set("attention_bias", has_tensor(input, "blk.0.attn_q.bias"));
  if (mlp) config->set("mlp_bias", has_tensor(input, "blk.0.ffn_gate.bias"));
}

/// 0 if there is none.
Result<int64_t> read_window(const GgufFields& fields) {
  return fields.integer_or("attention.sliding_window", 0, 0, kMostWindow);
}

Result<Json> mixtral_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(input.fields));
  LW_ASSIGN_OR_RETURN(Common common, read_with_experts(input, "mixtral"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  common.config.set("sliding_window", window > 0 ? Json(window) : Json());
  return std::move(common.config);
}

/// LLaMA, and Mistral, which differs by its window.
Result<Json> llama_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(input.fields));
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, window > 0 ? "mistral" : "llama"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  if (window > 0) {
    common.config.set("sliding_window", window);
  } else {
    add_biases(input, /*mlp=*/true, &common.config);
  }
  return std::move(common.config);
}

/// Every fourth layer has no rotary positions.
Result<Json> smollm3_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "smollm3"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  common.config.set("no_rope_layer_interval", 4);
  add_biases(input, /*mlp=*/true, &common.config);
  return std::move(common.config);
}

Result<Json> qwen2_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "qwen2"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  return std::move(common.config);
}

Result<Json> qwen3_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "qwen3"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  add_biases(input, /*mlp=*/false, &common.config);
  return std::move(common.config);
}

Result<Json> qwen3_moe_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_with_experts(input, "qwen3_moe"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  add_biases(input, /*mlp=*/false, &common.config);
  LW_ASSIGN_OR_RETURN(
      const int64_t hidden,
      input.fields.integer_or("expert_feed_forward_length", common.sizes.hidden, 1, kMostFeatures));
  common.config.set("moe_intermediate_size", hidden);
  return std::move(common.config);
}

Result<Json> phi3_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "phi3"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/true, &common));
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(input.fields));
  common.config.set("sliding_window", window > 0 ? Json(window) : Json());
  // Phi-3 has it beside the parameters.
  const Json* original =
      common.config.find("rope_parameters")->find("original_max_position_embeddings");
  if (original != nullptr) {
    common.config.set("original_max_position_embeddings", original->copy());
  }
  return std::move(common.config);
}

/// A window means OLMo 3, whose layers differ.
Result<Json> olmo2_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(input.fields));
  if (window > 0) return input.fields.refused("attention.sliding_window", "a window (OLMo 3)");
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "olmo2"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  add_biases(input, /*mlp=*/false, &common.config);
  return std::move(common.config);
}

/// Which layers have a window: all but every `usual`-th, or as the file says.
Result<Json> layer_types(const GgufInput& input, int64_t layers, int64_t usual) {
  const char* const name = "attention.sliding_window_pattern";
  const GgufValue* pattern = input.fields.find(name);
  std::vector<GgufValue> flags;
  if (pattern != nullptr && pattern->is_array()) {
    flags = pattern->elements(static_cast<size_t>(layers));
    if (pattern->size() != static_cast<uint64_t>(layers) ||
        pattern->element_type() != GgufType::kBool) {
      return input.fields.wrong(name, std::to_string(layers) + " bools");
    }
  } else {
    LW_ASSIGN_OR_RETURN(usual, input.fields.integer_or(name, usual, 1, INT32_MAX));
  }
  Json types = Json::array();
  for (int64_t i = 0; i < layers; ++i) {
    const bool has_window =
        flags.empty() ? (i + 1) % usual != 0 : flags[static_cast<size_t>(i)].boolean() == true;
    types.push_back(has_window ? "sliding_attention" : "full_attention");
  }
  return types;
}

/// What the scores are divided by is not in the file. It is the size of a head, except in the
/// largest model of each generation, which llama.cpp too tells by its number of layers.
double score_scalar(const Common& common, int64_t largest_layers) {
  const GgufSizes& sizes = common.sizes;
  return static_cast<double>(sizes.layers == largest_layers ? sizes.width / sizes.heads
                                                            : common.head_dim);
}

/// Null: none.
Status add_cap(const GgufFields& fields, const char* name, const char* field, Json* config) {
  LW_ASSIGN_OR_RETURN(const double cap, fields.number_or(name, 0, 0, 1e6));
  config->set(field, cap > 0 ? Json(cap) : Json());
  return {};
}

Status add_gemma(const GgufInput& input, int64_t period, int64_t largest_layers, Common* common) {
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(input.fields));
  LW_ASSIGN_OR_RETURN(Json types, layer_types(input, common->sizes.layers, period));
  common->config.set("layer_types", std::move(types));
  common->config.set("sliding_window", window > 0 ? Json(window) : Json());
  common->config.set("query_pre_attn_scalar", score_scalar(*common, largest_layers));
  LW_RETURN_IF_ERROR(
      add_cap(input.fields, "attn_logit_softcapping", "attn_logit_softcapping", &common->config));
  return add_cap(input.fields, "final_logit_softcapping", "final_logit_softcapping",
                 &common->config);
}

Result<Json> gemma2_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "gemma2"));
  LW_RETURN_IF_ERROR(add_rope(input, /*partial=*/false, &common));
  LW_RETURN_IF_ERROR(add_gemma(input, /*period=*/2, /*largest_layers=*/46, &common));
  return std::move(common.config);
}

/// Layers with a window have rotary positions of their own, without scaling.
Result<Json> gemma3_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(Common common, read_common(input, "gemma3_text"));
  LW_ASSIGN_OR_RETURN(Json full,
                      gguf_rope(input, common.head_dim, common.sizes.context, /*partial=*/false));
  LW_ASSIGN_OR_RETURN(const double local,
                      input.fields.number_or("rope.freq_base_swa", 10000, 1e-6, 1e12));
  LW_RETURN_IF_ERROR(add_gemma(input, /*period=*/6, /*largest_layers=*/62, &common));
  Json sliding = Json::object({{"rope_type", "default"}, {"rope_theta", local}});
  common.config.set("rope_parameters", Json::object({{"full_attention", std::move(full)},
                                                     {"sliding_attention", std::move(sliding)}}));
  return std::move(common.config);
}

constexpr GgufArchitecture kDecoders[] = {
    {"llama", kOutside, kLlama, "model.layers.", kRopeTensors, llama_config},
    {"llama", kOutside, kMixtral, "model.layers.", kRopeTensors, mixtral_config, true},
    {"smollm3", kOutside, kLlama, "model.layers.", kRopeTensors, smollm3_config},
    {"qwen2", kOutside, kQwen, "model.layers.", kRopeTensors, qwen2_config},
    {"qwen3", kOutside, kQwen, "model.layers.", kRopeTensors, qwen3_config},
    {"qwen3moe", kOutside, kQwenMoe, "model.layers.", kRopeTensors, qwen3_moe_config},
    {"phi3", kOutside, kPhi3, "model.layers.", kRopeTensors, phi3_config},
    {"olmo2", kOutside, kOlmo2, "model.layers.", kRopeTensors, olmo2_config},
    {"gemma2", kGemmaOutside, kGemma, "model.layers.", kRopeTensors, gemma2_config},
    {"gemma3", kGemmaOutside, kGemma, "model.layers.", kRopeTensors, gemma3_config},
};

}  // namespace

std::span<const GgufArchitecture> gguf_decoders() { return kDecoders; }

}  // namespace lanewise::converters
