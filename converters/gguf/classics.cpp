// GPT-2, GPT-NeoX and BERT: the config.json of Transformers and the names of their tensors.

#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/gguf/architecture.hpp"
#include "converters/gguf/rope.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using enum Rearrangement;

constexpr GgufModule kGpt2Outside[] = {{"token_embd", "transformer.wte"},
                                       {"position_embd", "transformer.wpe"},
                                       {"output_norm", "transformer.ln_f"},
                                       {"output", "lm_head"}};
constexpr GgufModule kGpt2Modules[] = {{"attn_norm", "ln_1"},
                                       {"attn_qkv", "attn.c_attn", kTransposed},
                                       {"attn_output", "attn.c_proj", kTransposed},
                                       {"ffn_norm", "ln_2"},
                                       {"ffn_up", "mlp.c_fc", kTransposed},
                                       {"ffn_down", "mlp.c_proj", kTransposed}};

constexpr GgufModule kNeoxOutside[] = {{"token_embd", "gpt_neox.embed_in"},
                                       {"output_norm", "gpt_neox.final_layer_norm"},
                                       {"output", "embed_out"}};
constexpr GgufModule kNeox[] = {
    {"attn_norm", "input_layernorm"},   {"attn_qkv", "attention.query_key_value", kThirds, kThirds},
    {"attn_output", "attention.dense"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},    {"ffn_down", "mlp.dense_4h_to_h"}};

Result<Json> gpt2_config(const GgufInput& input) {
  LW_ASSIGN_OR_RETURN(const GgufSizes sizes, read_gguf_sizes(input));
  LW_ASSIGN_OR_RETURN(const double eps, input.fields.number("attention.layer_norm_epsilon", 0, 1));
  return Json::object({{"model_type", "gpt2"},
                       {"vocab_size", sizes.vocabulary},
                       {"n_embd", sizes.width},
                       {"n_inner", sizes.hidden},
                       {"n_layer", sizes.layers},
                       {"n_head", sizes.heads},
                       {"n_positions", sizes.context},
                       {"layer_norm_epsilon", eps},
                       {"tie_word_embeddings", !has_tensor(input, "output.weight")}});
}

Result<Json> neox_config(const GgufInput& input) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(const GgufSizes sizes, read_gguf_sizes(input));
  LW_ASSIGN_OR_RETURN(const double eps, fields.number("attention.layer_norm_epsilon", 0, 1));
  LW_ASSIGN_OR_RETURN(const bool parallel, fields.boolean_or("use_parallel_residual", true));
  LW_ASSIGN_OR_RETURN(Json rope, gguf_rope(input, sizes.width / sizes.heads, sizes.context,
                                           /*partial=*/true));
  if (rope.find("partial_rotary_factor") == nullptr) rope.set("partial_rotary_factor", 1);
  return Json::object({{"model_type", "gpt_neox"},
                       {"vocab_size", sizes.vocabulary},
                       {"hidden_size", sizes.width},
                       {"intermediate_size", sizes.hidden},
                       {"num_hidden_layers", sizes.layers},
                       {"num_attention_heads", sizes.heads},
                       {"max_position_embeddings", sizes.context},
                       {"layer_norm_eps", eps},
                       {"use_parallel_residual", parallel},
                       {"rope_parameters", std::move(rope)},
                       {"tie_word_embeddings", !has_tensor(input, "output.weight")}});
}

constexpr GgufModule kBertOutside[] = {{"token_embd", "embeddings.word_embeddings"},
                                       {"position_embd", "embeddings.position_embeddings"},
                                       {"token_types", "embeddings.token_type_embeddings"},
                                       {"token_embd_norm", "embeddings.LayerNorm"}};
constexpr GgufModule kBert[] = {{"attn_q", "attention.self.query"},
                                {"attn_k", "attention.self.key"},
                                {"attn_v", "attention.self.value"},
                                {"attn_output", "attention.output.dense"},
                                {"attn_output_norm", "attention.output.LayerNorm"},
                                {"ffn_up", "intermediate.dense"},
                                {"ffn_down", "output.dense"},
                                {"layer_output_norm", "output.LayerNorm"}};

/// An encoder.
Result<Json> bert_config(const GgufInput& input) {
  const GgufFields& fields = input.fields;
  LW_ASSIGN_OR_RETURN(const GgufSizes sizes, read_gguf_sizes(input));
  LW_ASSIGN_OR_RETURN(const double eps, fields.number("attention.layer_norm_epsilon", 0, 1));
  LW_ASSIGN_OR_RETURN(const bool causal, fields.boolean_or("attention.causal", true));
  if (causal) return fields.refused("attention.causal", "true");
  const CheckpointTensor* types = input.tensors.find("token_types.weight");
  const int64_t type_count = types == nullptr || types->shape.empty() ? 0 : types->shape[0];
  return Json::object({{"model_type", "bert"},
                       {"vocab_size", sizes.vocabulary},
                       {"hidden_size", sizes.width},
                       {"intermediate_size", sizes.hidden},
                       {"num_hidden_layers", sizes.layers},
                       {"num_attention_heads", sizes.heads},
                       {"max_position_embeddings", sizes.context},
                       {"type_vocab_size", type_count},
                       {"layer_norm_eps", eps}});
}

constexpr GgufArchitecture kClassics[] = {
    {"gpt2", kGpt2Outside, kGpt2Modules, "transformer.h.", {}, gpt2_config},
    {"gptneox", kNeoxOutside, kNeox, "gpt_neox.layers.", kRopeTensors, neox_config},
    {"bert", kBertOutside, kBert, "encoder.layer.", {}, bert_config},
};

}  // namespace

std::span<const GgufArchitecture> gguf_classics() { return kClassics; }

}  // namespace lanewise::converters
