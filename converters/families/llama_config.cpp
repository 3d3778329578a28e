#include "converters/families/llama_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/config_limits.hpp"
#include "ops/experts/routes.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr int64_t kLlamaMaxPositions = INT32_MAX / 4;
constexpr double kMostCap = 1e6;

constexpr LlamaKind kLlamaKinds[] = {
    {.model_type = "llama",
     .classes = "Llama",
     .sizes = {32000, 4096, 11008, 32, 32, 0, 0, 2048},
     .bias = AttentionBias::kByField,
     .mlp_bias_field = true,
     .tokens = {.bos = 1, .eos = 2}},
    {.model_type = "mistral",
     .classes = "Mistral",
     .sizes = {32000, 4096, 14336, 32, 32, 8, 0, 131072},
     .windows = LlamaWindows::kByTypes,
     .tokens = {.bos = 1, .eos = 2}},
    {.model_type = "ministral",
     .classes = "Ministral",
     .sizes = {32000, 4096, 14336, 32, 32, 8, 0, 131072},
     .windows = LlamaWindows::kByTypes,
     .tokens = {.bos = 1, .eos = 2}},
    {.model_type = "qwen2",
     .classes = "Qwen2",
     .sizes = {151936, 4096, 22016, 32, 32, 32, 0, 32768},
     .bias = AttentionBias::kQueryKeyValue,
     .windows = LlamaWindows::kLastLayers},
    {.model_type = "qwen3",
     .classes = "Qwen3",
     .sizes = {151936, 4096, 22016, 32, 32, 32, 128, 32768},
     .query_key_norm = QueryKeyNorm::kHead,
     .bias = AttentionBias::kByField,
     .windows = LlamaWindows::kLastLayers},
    {.model_type = "mixtral",
     .classes = "Mixtral",
     .sizes = {32000, 4096, 14336, 32, 32, 8, 0, 131072},
     .eps = 1e-5,
     .theta = 1000000,
     .windows = LlamaWindows::kAll,
     .window = 0,
     .experts = LlamaExperts::kAll,
     .tokens = {.bos = 1, .eos = 2}},
    {.model_type = "qwen3_moe",
     .classes = "Qwen3Moe",
     .sizes = {151936, 2048, 6144, 24, 32, 4, 0, 32768},
     .query_key_norm = QueryKeyNorm::kHead,
     .bias = AttentionBias::kByField,
     .windows = LlamaWindows::kAllIfUsed,
     .window = 0,
     .experts = LlamaExperts::kByField},
    {.model_type = "smollm3",
     .classes = "SmolLM3",
     .sizes = {128256, 2048, 11008, 36, 16, 4, 0, 32768},
     .theta = 2000000,
     .tied_head = true,
     .bias = AttentionBias::kByField,
     .mlp_bias_field = true,
     .windows = LlamaWindows::kWithoutRope,
     .window = 0,
     .tokens = {.bos = 128000, .eos = 128001, .pad = 128004}},
    {.model_type = "phi3",
     .classes = "Phi3",
     .sizes = {32064, 3072, 8192, 32, 32, 0, 0, 4096},
     .eps = 1e-5,
     .windows = LlamaWindows::kAll,
     .window = 0,
     .fused = true,
     .tokens = {.bos = 1, .eos = 32000, .pad = 32000}},
    {.model_type = "olmo2",
     .classes = "Olmo2",
     .sizes = {50304, 4096, 11008, 32, 32, 0, 0, 2048},
     .eps = 1e-5,
     .norms = LlamaNorms::kAfter,
     .query_key_norm = QueryKeyNorm::kWhole,
     .bias = AttentionBias::kByField,
     .tokens = {.eos = 50279, .pad = 1}},
    {.model_type = "gemma2",
     .classes = "Gemma2",
     .sizes = {256000, 2304, 9216, 26, 8, 4, 256, 8192},
     .tied_head = true,
     .norms = LlamaNorms::kAround,
     .bias = AttentionBias::kByField,
     .windows = LlamaWindows::kPattern,
     .gemma = true,
     .attention_cap = 50,
     .logits_cap = 30,
     .tokens = {.bos = 2, .eos = 1, .pad = 0}},
    {.model_type = "gemma3_text",
     .classes = "Gemma3",
     .sizes = {262208, 2304, 9216, 26, 8, 4, 256, 131072},
     .theta = 1000000,
     .tied_head = true,
     .norms = LlamaNorms::kAround,
     .query_key_norm = QueryKeyNorm::kHead,
     .bias = AttentionBias::kByField,
     .windows = LlamaWindows::kPattern,
     .gemma = true,
     .tokens = {.bos = 2, .eos = 1, .pad = 0}},
};

constexpr std::array kLlamaFields =
    std::to_array<std::string_view>({"_sliding_window_pattern",
                                     "attention_bias",
                                     "attn_logit_softcapping",
                                     "decoder_sparse_step",
                                     "embd_pdrop",
                                     "final_logit_softcapping",
                                     "head_dim",
                                     "hidden_act",
                                     "hidden_activation",
                                     "hidden_size",
                                     "initializer_range",
                                     "intermediate_size",
                                     "layer_types",
                                     "max_position_embeddings",
                                     "max_window_layers",
                                     "mlp_bias",
                                     "mlp_only_layers",
                                     "moe_intermediate_size",
                                     "no_rope_layer_interval",
                                     "no_rope_layers",
                                     "norm_topk_prob",
                                     "num_attention_heads",
                                     "num_experts",
                                     "num_experts_per_tok",
                                     "num_hidden_layers",
                                     "num_key_value_heads",
                                     "num_local_experts",
                                     "original_max_position_embeddings",
                                     "output_router_logits",
                                     "partial_rotary_factor",
                                     "pretraining_tp",
                                     "query_pre_attn_scalar",
                                     "resid_pdrop",
                                     "rms_norm_eps",
                                     "rope_local_base_freq",
                                     "rope_parameters",
                                     "rope_scaling",
                                     "rope_theta",
                                     "router_aux_loss_coef",
                                     "router_jitter_noise",
                                     "sliding_window",
                                     "sliding_window_pattern",
                                     "tie_word_embeddings",
                                     "use_bidirectional_attention",
                                     "use_sliding_window",
                                     "vocab_size"});

Result<const LlamaKind*> find_kind(const Config& config) {
  LW_ASSIGN_OR_RETURN(const std::string type, config.text("model_type", ""));
  const auto* const kind = std::ranges::find(kLlamaKinds, type, &LlamaKind::model_type);
  if (kind != std::end(kLlamaKinds)) return kind;
  return unsupported(config.label() + ": unknown model_type " + in_quotes(type));
}

/// Whether the config has the field, if only as null: that means none, where an absent field means
/// the class's default.
bool is_written(const Config& config, const char* field) {
  return config.json().value().find(field) != nullptr;
}

bool is_gemma3(const LlamaConfig& c) { return c.kind->model_type == "gemma3_text"; }

Status read_heads(const Config& config, LlamaConfig& c) {
  const LlamaSizes& usual = c.kind->sizes;
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", usual.heads, 1, kMaxFeatures));
  const bool as_heads = usual.kv_heads == 0 || is_written(config, "num_key_value_heads");
  const int64_t kv_heads = as_heads ? c.heads : usual.kv_heads;
  LW_ASSIGN_OR_RETURN(c.kv_heads, config.integer("num_key_value_heads", kv_heads, 1, kMaxFeatures));
  if (c.heads % c.kv_heads != 0) {
    return config.wrong("num_key_value_heads",
                        "a divisor of num_attention_heads = " + std::to_string(c.heads));
  }
  int64_t head_dim = usual.head_dim;
  if (head_dim == 0) head_dim = std::max<int64_t>(c.width / c.heads, 1);
  LW_ASSIGN_OR_RETURN(c.head_dim, config.integer("head_dim", head_dim, 1, kMaxFeatures));
  return {};
}

Status read_llama_sizes(const Config& config, LlamaConfig& c) {
  const LlamaSizes& usual = c.kind->sizes;
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", usual.vocabulary, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.width, config.integer("hidden_size", usual.width, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("intermediate_size", usual.hidden, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.max_positions, config.integer("max_position_embeddings",
                                                      usual.max_positions, 1, kLlamaMaxPositions));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("rms_norm_eps", c.kind->eps, 0, 1));
  return read_heads(config, c);
}

Status read_biases(const Config& config, LlamaConfig& c) {
  c.attention_bias = c.kind->bias == AttentionBias::kQueryKeyValue;
  if (c.kind->bias == AttentionBias::kByField) {
    LW_ASSIGN_OR_RETURN(c.attention_bias, config.boolean("attention_bias", false));
    c.output_bias = c.attention_bias;
  }
  if (!c.kind->mlp_bias_field) return {};
  LW_ASSIGN_OR_RETURN(c.mlp_bias, config.boolean("mlp_bias", false));
  return {};
}

/// The scale of scores and both caps.
Status read_llama_scores(const Config& config, LlamaConfig& c) {
  double scalar = static_cast<double>(c.head_dim);
  if (c.kind->gemma) {
    LW_ASSIGN_OR_RETURN(scalar, config.number("query_pre_attn_scalar", 256, 1e-6, 1e12));
    const auto cap = [&](const char* field, double usual) {
      return config.number(field, is_written(config, field) ? 0 : usual, 0, kMostCap);
    };
    LW_ASSIGN_OR_RETURN(c.attention_cap, cap("attn_logit_softcapping", c.kind->attention_cap));
    LW_ASSIGN_OR_RETURN(c.logits_cap, cap("final_logit_softcapping", c.kind->logits_cap));
    // Transformers gives Gemma 3 this field too, but does not read it.
    if (is_gemma3(c)) c.attention_cap = 0;
    LW_ASSIGN_OR_RETURN(const bool both_ways, config.boolean("use_bidirectional_attention", false));
    c.causal = !both_ways;
    // Its layers with a window stay causal there, and the others depend on how attention is computed.
    if (both_ways && !is_gemma3(c)) {
      return unsupported(config.label() +
                         ": 'use_bidirectional_attention' true is not supported for " +
                         std::string(c.kind->model_type));
    }
  }
  c.scale = 1 / std::sqrt(scalar);
  return {};
}

Status read_llama_activation(const Config& config, LlamaConfig& c) {
  const std::string field = c.kind->gemma ? "hidden_activation" : "hidden_act";
  LW_ASSIGN_OR_RETURN(c.activation,
                      activation_name(config, field, c.kind->gemma ? "gelu_pytorch_tanh" : "silu"));
  return {};
}

/// The window of layers that have one, or 0.
Result<int64_t> read_window(const Config& config, const LlamaConfig& c) {
  const char* const field = "sliding_window";
  const int64_t usual = is_written(config, field) ? 0 : c.kind->window;
  LW_ASSIGN_OR_RETURN(const int64_t window, config.integer(field, usual, 0, kLlamaMaxPositions));
  const bool by_field = c.kind->windows == LlamaWindows::kLastLayers ||
                        c.kind->windows == LlamaWindows::kWithoutRope ||
                        c.kind->windows == LlamaWindows::kAllIfUsed;
  LW_ASSIGN_OR_RETURN(const bool used, config.boolean("use_sliding_window", !by_field));
  if (by_field && !used) return 0;
  // Transformers makes the window of both sides of a token out of one in total.
  return c.causal ? window : window / 2 + 1;
}

/// Transformers' classes for these ignore `layer_types`.
bool has_equal_layers(const LlamaConfig& c) {
  return c.kind->windows == LlamaWindows::kAll || c.kind->windows == LlamaWindows::kAllIfUsed;
}

/// Whether each layer has a window, where the config does not say.
Result<std::vector<bool>> usual_windows(const Config& config, const LlamaConfig& c) {
  const auto layers = static_cast<int64_t>(c.layers.size());
  std::vector<bool> windows(c.layers.size(),
                            has_equal_layers(c) || c.kind->windows == LlamaWindows::kByTypes);
  LW_ASSIGN_OR_RETURN(const int64_t full, config.integer("max_window_layers", 28, 0, kMaxRows));
  LW_ASSIGN_OR_RETURN(const int64_t pattern, config.integer("sliding_window_pattern",
                                                            is_gemma3(c) ? 6 : 2, 1, kMaxLayers));
  for (int64_t i = 0; i < layers; ++i) {
    const auto at = static_cast<size_t>(i);
    if (c.kind->windows == LlamaWindows::kLastLayers) windows[at] = i >= full;
    if (c.kind->windows == LlamaWindows::kWithoutRope) windows[at] = !c.layers[at].turned;
    if (c.kind->windows == LlamaWindows::kPattern) {
      windows[at] = (i + 1) % (is_gemma3(c) ? pattern : 2) != 0;
    }
  }
  return windows;
}

Result<std::vector<bool>> read_layer_types(const Config& config, const LlamaConfig& c) {
  const std::string field = "layer_types";
  const bool by_types = c.kind->windows != LlamaWindows::kNone && !has_equal_layers(c);
  if (!by_types || !config.has(field)) return usual_windows(config, c);
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> types, config.texts(field));
  if (types.size() != c.layers.size()) {
    return config.wrong(field, std::to_string(c.layers.size()) + " types");
  }
  std::vector<bool> windows;
  for (const std::string& type : types) {
    if (type != "sliding_attention" && type != "full_attention") {
      return unsupported(config.label() + ": unknown type " + in_quotes(type) + " in " +
                         in_quotes(field) + "; known: full_attention, sliding_attention");
    }
    windows.push_back(type == "sliding_attention");
  }
  return windows;
}

/// Layers of SmolLM3 without rotary positions: `no_rope_layers` has a 0 for each of them.
Status read_unturned(const Config& config, LlamaConfig& c) {
  if (c.kind->windows != LlamaWindows::kWithoutRope) return {};
  const std::string field = "no_rope_layers";
  LW_ASSIGN_OR_RETURN(const int64_t interval,
                      config.integer("no_rope_layer_interval", 4, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(const std::vector<int32_t> turned, config.integers(field, 0, 1));
  if (config.has(field) && turned.size() != c.layers.size()) {
    return config.wrong(field, std::to_string(c.layers.size()) + " numbers");
  }
  for (size_t i = 0; i < c.layers.size(); ++i) {
    c.layers[i].turned =
        turned.empty() ? (static_cast<int64_t>(i) + 1) % interval != 0 : turned[i] != 0;
  }
  return {};
}

Status read_llama_layers(const Config& config, LlamaConfig& c) {
  LW_ASSIGN_OR_RETURN(const int64_t layers,
                      config.integer("num_hidden_layers", c.kind->sizes.layers, 1, kMaxLayers));
  c.layers.resize(static_cast<size_t>(layers));
  LW_RETURN_IF_ERROR(read_unturned(config, c));
  LW_ASSIGN_OR_RETURN(const std::vector<bool> windows, read_layer_types(config, c));
  LW_ASSIGN_OR_RETURN(const int64_t window, read_window(config, c));
  for (size_t i = 0; i < c.layers.size(); ++i) {
    if (windows[i]) c.layers[i].window = window;
    c.layers[i].is_local = windows[i] && is_gemma3(c);
  }
  return {};
}

/// Qwen's number of experts has two names.
Result<int64_t> read_expert_count(const Config& config, const LlamaConfig& c) {
  const bool by_field = c.kind->experts == LlamaExperts::kByField;
  const char* const field =
      by_field && config.has("num_experts") ? "num_experts" : "num_local_experts";
  return config.integer(field, by_field ? 128 : 8, by_field ? 0 : 1, ops::kMostExperts);
}

/// Which layers have experts, where not all have.
Status read_expert_layers(const Config& config, LlamaConfig& c) {
  LW_ASSIGN_OR_RETURN(const int64_t step, config.integer("decoder_sparse_step", 1, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(const std::vector<int32_t> dense,
                      config.integers("mlp_only_layers", 0, kMaxLayers));
  for (size_t i = 0; i < c.layers.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    c.layers[i].has_experts = c.experts > 0 && (number + 1) % step == 0 &&
                              std::ranges::find(dense, number) == dense.end();
  }
  return {};
}

Status read_experts(const Config& config, LlamaConfig& c) {
  if (c.kind->experts == LlamaExperts::kNone) return {};
  const bool by_field = c.kind->experts == LlamaExperts::kByField;
  LW_ASSIGN_OR_RETURN(c.experts, read_expert_count(config, c));
  if (c.experts == 0) return {};
  const char* const top = "num_experts_per_tok";
  LW_ASSIGN_OR_RETURN(c.top_experts, config.integer(top, by_field ? 8 : 2, 1, c.experts));
  if (c.top_experts > c.experts) {
    return config.wrong(top, "a value of at most " + std::to_string(c.experts));
  }
  c.expert_hidden = c.hidden;
  c.normalize_experts = true;
  if (by_field) {
    LW_ASSIGN_OR_RETURN(c.expert_hidden,
                        config.integer("moe_intermediate_size", 768, 1, kMaxFeatures));
    LW_ASSIGN_OR_RETURN(c.normalize_experts, config.boolean("norm_topk_prob", false));
  }
  if (by_field) return read_expert_layers(config, c);
  for (LlamaLayer& layer : c.layers) layer.has_experts = true;
  return {};
}

Status read_llama_positions(const Config& config, LlamaConfig& c) {
  const RotarySizes sizes{c.head_dim, c.max_positions};
  RotaryDefaults defaults{.theta = c.kind->theta, .whole = !c.kind->fused, .phi = c.kind->fused};
  if (!is_gemma3(c)) {
    LW_ASSIGN_OR_RETURN(c.rotary, read_rotary(config, defaults, sizes));
    return {};
  }
  LW_ASSIGN_OR_RETURN(c.rotary, read_rotary(config, defaults, sizes, "full_attention"));
  LW_ASSIGN_OR_RETURN(const Config parameters, config.object("rope_parameters"));
  LW_ASSIGN_OR_RETURN(const Config local, parameters.object("sliding_attention"));
  defaults = {.theta = 10000, .whole = true, .theta_field = "rope_local_base_freq"};
  LW_ASSIGN_OR_RETURN(c.local_rotary, rotary_from(config, local, defaults, sizes));
  return {};
}

}  // namespace

std::span<const LlamaKind> llama_kinds() noexcept { return kLlamaKinds; }

Result<LlamaConfig> read_llama_config(const FamilyInput& input) {
  const Config& config = input.config;
  LlamaConfig c;
  LW_ASSIGN_OR_RETURN(c.kind, find_kind(config));
  LW_RETURN_IF_ERROR(read_llama_sizes(config, c));
  LW_RETURN_IF_ERROR(read_biases(config, c));
  LW_RETURN_IF_ERROR(read_llama_scores(config, c));
  LW_RETURN_IF_ERROR(read_llama_activation(config, c));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", c.kind->tied_head));
  LW_RETURN_IF_ERROR(read_llama_layers(config, c));
  LW_RETURN_IF_ERROR(read_experts(config, c));
  LW_RETURN_IF_ERROR(read_llama_positions(config, c));
  report_unknown_hf_fields(input, kLlamaFields);
  return c;
}

}  // namespace lanewise::converters
