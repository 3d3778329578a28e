#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "converters/families/rotary_config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Where a layer has its norms.
enum class LlamaNorms {
  kBefore,  ///< before attention and before the feed-forward layer
  kAfter,   ///< behind both (OLMo 2)
  kAround,  ///< before and behind both (Gemma)
};

/// Norms of queries and keys, before they are turned.
enum class QueryKeyNorm { kNone, kHead, kWhole };

/// Which linears of attention have a bias.
enum class AttentionBias { kNone, kQueryKeyValue, kByField };

/// Which layers see a window only, where the config does not list them as `layer_types`.
enum class LlamaWindows {
  kNone,
  kAll,          ///< Phi-3, Mixtral, whatever `layer_types` says
  kByTypes,      ///< all (Mistral)
  kLastLayers,   ///< `use_sliding_window`: from layer `max_window_layers` on (Qwen)
  kWithoutRope,  ///< `use_sliding_window`: the layers without rotary positions (SmolLM3)
  kPattern,      ///< all but every second (Gemma 2) or sixth one (Gemma 3)
  kAllIfUsed,    ///< `use_sliding_window`: all (Qwen 3 MoE)
};

/// Which feed-forward layers are mixtures of experts.
enum class LlamaExperts {
  kNone,
  kAll,      ///< of `intermediate_size` features each, their weights normalised (Mixtral)
  kByField,  ///< `decoder_sparse_step`, `mlp_only_layers`, `moe_intermediate_size` (Qwen 3 MoE)
};

/// The sizes that a config has where it does not say.
struct LlamaSizes {
  int64_t vocabulary;
  int64_t width;
  int64_t hidden;
  int64_t layers;
  int64_t heads;
  int64_t kv_heads;  ///< 0: as many as heads
  int64_t head_dim;  ///< 0: width / heads
  int64_t max_positions;
};

/// A model of LLaMA's family: what distinguishes it from the others.
struct LlamaKind {
  std::string_view model_type;
  std::string_view classes;  ///< the beginning of its classes' names: "Llama", "Qwen2"
  LlamaSizes sizes;
  double eps = 1e-6;
  double theta = 10000;
  bool tied_head = false;
  LlamaNorms norms = LlamaNorms::kBefore;
  QueryKeyNorm query_key_norm = QueryKeyNorm::kNone;
  AttentionBias bias = AttentionBias::kNone;
  bool mlp_bias_field = false;
  LlamaWindows windows = LlamaWindows::kNone;
  int64_t window = 4096;  ///< the default of `sliding_window`; 0: none
  bool fused = false;     ///< q | k | v and gate | up are one tensor each (Phi-3)
  bool gemma = false;     ///< weights of norms are w + 1, embeddings are scaled, GELU
  double attention_cap = 0;
  double logits_cap = 0;
  LlamaExperts experts = LlamaExperts::kNone;
  DefaultTokens tokens = {};
};

struct LlamaLayer {
  int64_t window = 0;        ///< 0: none
  bool turned = true;        ///< has rotary positions
  bool is_local = false;     ///< uses LlamaConfig::local_rotary
  bool has_experts = false;  ///< its feed-forward layer is a mixture of LlamaConfig::experts
};

struct LlamaConfig {
  const LlamaKind* kind = nullptr;
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_positions = 0;
  double eps = 0;
  double scale = 0;  ///< of the scores
  double attention_cap = 0;
  double logits_cap = 0;
  std::string activation;
  bool attention_bias = false;  ///< of queries, keys and values
  bool output_bias = false;     ///< of the linear behind attention
  bool mlp_bias = false;
  bool tied_head = false;
  bool causal = true;
  int64_t experts = 0;
  int64_t top_experts = 0;  ///< that a token is routed to
  int64_t expert_hidden = 0;
  bool normalize_experts = false;  ///< the weights of a token's experts add up to 1
  RotaryFrequencies rotary;
  RotaryFrequencies local_rotary;  ///< of layers with a window, if the model has two
  std::vector<LlamaLayer> layers;
};

/// The kinds by their `model_type`, with the sizes by default of Transformers' config classes.
std::span<const LlamaKind> llama_kinds() noexcept;

/// Reads config.json of the kind that it names. Fields that are absent have Transformers' values;
/// those that are not known are reported. Fails with kInvalidArgument or kUnsupported, naming the
/// field.
Result<LlamaConfig> read_llama_config(const FamilyInput& input);

}  // namespace lanewise::converters
