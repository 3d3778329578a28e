#include "converters/families/bart_config.hpp"

#include <algorithm>
#include <array>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/config_limits.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr int64_t kBartMaxPositions = 1 << 20;

constexpr BartKind kBartKinds[] = {
    {.model_type = "bart",
     .positions = BartPositions::kLearned,
     .norm_first = false,
     .embedding_norm = true,
     .final_norm = false,
     .logits_bias = true,
     .may_split = false,
     .task = "text2text",
     .vocabulary = 50265,
     .activation = "gelu",
     .scale_embedding = false,
     .tokens = {.bos = 0, .eos = 2, .pad = 1, .decoder_start = 2, .forced_eos = 2}},
    {.model_type = "marian",
     .positions = BartPositions::kMarian,
     .norm_first = false,
     .embedding_norm = false,
     .final_norm = false,
     .logits_bias = true,
     .may_split = true,
     .task = "translation",
     .vocabulary = 58101,
     .activation = "gelu",
     .scale_embedding = false,
     .tokens = {.eos = 0, .pad = 58100, .decoder_start = 58100, .forced_eos = 0}},
    {.model_type = "mbart",
     .positions = BartPositions::kLearned,
     .norm_first = true,
     .embedding_norm = true,
     .final_norm = true,
     .logits_bias = true,
     .may_split = false,
     .task = "translation",
     .vocabulary = 50265,
     .activation = "gelu",
     .scale_embedding = false,
     .tokens = {.bos = 0, .eos = 2, .pad = 1, .forced_eos = 2}},
    {.model_type = "m2m_100",
     .positions = BartPositions::kM2M100,
     .norm_first = true,
     .embedding_norm = false,
     .final_norm = true,
     .logits_bias = false,
     .may_split = false,
     .task = "translation",
     .vocabulary = 128112,
     .activation = "relu",
     .scale_embedding = true,
     .tokens = {.bos = 0, .eos = 2, .pad = 1, .decoder_start = 2}},
    {.model_type = "pegasus",
     .positions = BartPositions::kMarian,
     .norm_first = true,
     .embedding_norm = false,
     .final_norm = true,
     .logits_bias = true,
     .may_split = false,
     .task = "text2text",
     .vocabulary = 50265,
     .activation = "gelu",
     .scale_embedding = false,
     .tokens = {.eos = 1, .pad = 0, .decoder_start = 0, .forced_eos = 1}},
};

constexpr std::array kBartFields =
    std::to_array<std::string_view>({"activation_function",
                                     "add_bias_logits",
                                     "add_final_layer_norm",
                                     "d_model",
                                     "decoder_attention_heads",
                                     "decoder_ffn_dim",
                                     "decoder_layers",
                                     "decoder_vocab_size",
                                     "do_blenderbot_90_layernorm",
                                     "encoder_attention_heads",
                                     "encoder_ffn_dim",
                                     "encoder_layers",
                                     "extra_pos_embeddings",
                                     "hidden_size",
                                     "max_position_embeddings",
                                     "normalize_before",
                                     "normalize_embedding",
                                     "num_attention_heads",
                                     "num_hidden_layers",
                                     "scale_embedding",
                                     "share_encoder_decoder_embeddings",
                                     "static_position_embeddings",
                                     "tie_encoder_decoder",
                                     "tie_word_embeddings",
                                     "vocab_size"});

/// Transformers once had one class for all of them, distinguished by these fields.
Status refuse_bart_unsupported(const Config& config, const BartKind& kind) {
  const bool learned = kind.positions == BartPositions::kLearned;
  const FixedField fields[] = {{"is_encoder_decoder", true},
                               {"is_decoder", false},
                               {"add_bias_logits", false},
                               {"do_blenderbot_90_layernorm", false},
                               {"tie_encoder_decoder", false},
                               {"normalize_before", kind.norm_first},
                               {"normalize_embedding", kind.embedding_norm},
                               {"add_final_layer_norm", kind.final_norm},
                               {"static_position_embeddings", !learned}};
  LW_RETURN_IF_ERROR(check_fixed(config, fields));
  LW_ASSIGN_OR_RETURN(const int64_t extra,
                      config.integer("extra_pos_embeddings", kLearnedOffset, 0, kMaxRows));
  if (!learned || extra == kLearnedOffset) return {};
  return unsupported(config.label() + ": 'extra_pos_embeddings' " + std::to_string(extra) +
                     " is not supported; known: 2");
}

Status read_stack(const Config& config, int64_t width, BartStack& stack) {
  const std::string& name = stack.name;
  // The field names that Transformers has for every model refer to the encoder.
  const std::string layers = name == "encoder" ? "num_hidden_layers" : "decoder_layers";
  const std::string heads = name == "encoder" ? "num_attention_heads" : "decoder_attention_heads";
  LW_ASSIGN_OR_RETURN(stack.layers,
                      integer_or_alias(config, name + "_layers", layers, 12, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(
      stack.heads, integer_or_alias(config, name + "_attention_heads", heads, 16, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(stack.hidden, config.integer(name + "_ffn_dim", 4096, 1, kMaxFeatures));
  if (width % stack.heads == 0) return {};
  return invalid_argument(config.label() + ": 'd_model' " + std::to_string(width) +
                          " is not a multiple of '" + name + "_attention_heads' " +
                          std::to_string(stack.heads));
}

Status read_vocabularies(const Config& config, BartConfig& c) {
  LW_ASSIGN_OR_RETURN(c.encoder.vocabulary,
                      config.integer("vocab_size", c.kind->vocabulary, 1, kMaxRows));
  c.decoder.vocabulary = c.encoder.vocabulary;
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", true));
  if (!c.kind->may_split) return {};
  LW_ASSIGN_OR_RETURN(c.shared_embedding, config.boolean("share_encoder_decoder_embeddings", true));
  LW_ASSIGN_OR_RETURN(const int64_t decoder,
                      config.integer("decoder_vocab_size", c.encoder.vocabulary, 1, kMaxRows));
  if (!c.shared_embedding) c.decoder.vocabulary = decoder;
  if (decoder == c.decoder.vocabulary) return {};
  return config.wrong("decoder_vocab_size",
                      std::to_string(c.encoder.vocabulary) +
                          ", like 'vocab_size', because both share an embedding");
}

/// For a computed table; learned ones must be in the file. M2M100's has width / 2 frequencies,
/// whose exponents are divided by one less than that.
Status check_made_table(const BartConfig& c, const Config& config) {
  if (c.kind->positions == BartPositions::kLearned) return {};
  if (c.kind->positions == BartPositions::kM2M100 && c.width < 4) {
    return config.wrong("d_model", "at least 4");
  }
  return check_made_positions(config, "max_position_embeddings", c.positions, c.width);
}

}  // namespace

const BartKind* find_bart_kind(std::string_view model_type) {
  const auto* const found = std::ranges::find(kBartKinds, model_type, &BartKind::model_type);
  return found == std::end(kBartKinds) ? nullptr : found;
}

Result<BartConfig> read_bart_config(const FamilyInput& input) {
  const Config& config = input.config;
  BartConfig c;
  LW_ASSIGN_OR_RETURN(const std::string type, config.text("model_type", ""));
  c.kind = find_bart_kind(type);
  if (c.kind == nullptr) return invalid_argument("unknown model_type " + in_quotes(type));
  LW_RETURN_IF_ERROR(refuse_bart_unsupported(config, *c.kind));
  LW_ASSIGN_OR_RETURN(c.width,
                      integer_or_alias(config, "d_model", "hidden_size", 1024, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions,
                      config.integer("max_position_embeddings", 1024, 1, kBartMaxPositions));
  LW_ASSIGN_OR_RETURN(c.pad_token,
                      config.integer("pad_token_id", c.kind->tokens.pad, 0, kBartMaxPositions));
  LW_ASSIGN_OR_RETURN(c.activation,
                      activation_name(config, "activation_function", c.kind->activation));
  LW_ASSIGN_OR_RETURN(c.scale_embedding,
                      config.boolean("scale_embedding", c.kind->scale_embedding));
  LW_RETURN_IF_ERROR(read_vocabularies(config, c));
  LW_RETURN_IF_ERROR(read_stack(config, c.width, c.encoder));
  LW_RETURN_IF_ERROR(read_stack(config, c.width, c.decoder));
  LW_RETURN_IF_ERROR(check_made_table(c, config));
  report_unknown_hf_fields(input, kBartFields);
  return c;
}

}  // namespace lanewise::converters
