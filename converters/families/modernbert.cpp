// ModernBERT: Warner et al. 2024, arXiv:2412.13663. Norms come before each part, positions are
// rotary, most layers attend to neighbours only, and feed-forward layers are gated. Names and
// defaults as in Transformers' modeling_modernbert and configuration_modernbert.

#include <array>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/rotary_config.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kModernBertAnchor = "embeddings.tok_embeddings.weight";
constexpr std::string_view kGlobal = "full_attention";
constexpr std::string_view kLocal = "sliding_attention";

constexpr std::array kModernBertFields =
    std::to_array<std::string_view>({"attention_bias",
                                     "classifier_activation",
                                     "classifier_bias",
                                     "classifier_pooling",
                                     "cls_token_id",
                                     "compile",
                                     "decoder_bias",
                                     "deterministic_flash_attn",
                                     "embedding_dropout",
                                     "global_attn_every_n_layers",
                                     "global_rope_theta",
                                     "hidden_activation",
                                     "initializer_cutoff_factor",
                                     "layer_types",
                                     "local_attention",
                                     "local_rope_theta",
                                     "mlp_bias",
                                     "mlp_dropout",
                                     "norm_bias",
                                     "norm_eps",
                                     "reference_compile",
                                     "repad_logits_with_grad",
                                     "rope_parameters",
                                     "rope_scaling",
                                     "sparse_pred_ignore_index",
                                     "sparse_prediction"});

struct ModernBertConfig {
  EncoderSizes sizes;
  bool attention_bias = false;
  bool mlp_bias = false;
  bool norm_bias = false;
  bool head_bias = false;
  bool decoder_bias = true;
  bool pools_mean = false;  ///< for the classification of texts, instead of the first token
  std::string head_activation;
  int64_t window = 0;       ///< of a local layer, in one direction, the token itself included
  std::vector<bool> local;  ///< by layer
  RotaryFrequencies global_rotary;
  RotaryFrequencies local_rotary;
};

/// `layer_types`, or every so many layers a global one, the first included.
Status read_modernbert_layers(const Config& config, ModernBertConfig& c) {
  LW_ASSIGN_OR_RETURN(const int64_t every,
                      config.integer("global_attn_every_n_layers", 3, 1, kMaxEncoderLayers));
  for (int64_t i = 0; i < c.sizes.layers; ++i) c.local.push_back(i % every != 0);
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> types, config.texts("layer_types"));
  if (types.empty()) return {};
  if (types.size() != c.local.size()) {
    return config.wrong("layer_types", std::to_string(c.local.size()) + " types");
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] != kGlobal && types[i] != kLocal) {
      return unsupported(config.label() + ": 'layer_types' has the unknown type " +
                         base::in_quotes(types[i]));
    }
    c.local[i] = types[i] == kLocal;
  }
  return {};
}

Status read_modernbert_head(const Config& config, ModernBertConfig& c) {
  LW_ASSIGN_OR_RETURN(c.head_bias, config.boolean("classifier_bias", false));
  LW_ASSIGN_OR_RETURN(c.decoder_bias, config.boolean("decoder_bias", true));
  LW_ASSIGN_OR_RETURN(c.head_activation, activation_name(config, "classifier_activation", "gelu"));
  const std::string field = "classifier_pooling";
  LW_ASSIGN_OR_RETURN(const std::string pooling, config.text(field, "cls"));
  c.pools_mean = pooling == "mean";
  if (c.pools_mean || pooling == "cls") return {};
  return unsupported(config.label() + ": " + field + " " + base::in_quotes(pooling) +
                     " is not supported; known: cls, mean");
}

Result<ModernBertConfig> read_modernbert_config(const Config& config) {
  ModernBertConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 50368;
  defaults.layers = 22;
  defaults.intermediate = 1152;
  defaults.positions = 8192;
  defaults.token_types = 0;
  defaults.eps = 1e-5;
  LW_ASSIGN_OR_RETURN(
      c.sizes, read_encoder_sizes(
                   config, defaults,
                   {.token_types = nullptr, .eps = "norm_eps", .activation = "hidden_activation"}));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c.sizes));
  LW_ASSIGN_OR_RETURN(c.attention_bias, config.boolean("attention_bias", false));
  LW_ASSIGN_OR_RETURN(c.mlp_bias, config.boolean("mlp_bias", false));
  LW_ASSIGN_OR_RETURN(c.norm_bias, config.boolean("norm_bias", false));
  LW_ASSIGN_OR_RETURN(const int64_t both_sides,
                      config.integer("local_attention", 128, 1, kMaxEncoderRows));
  c.window = both_sides / 2 + 1;
  LW_RETURN_IF_ERROR(read_modernbert_layers(config, c));
  LW_RETURN_IF_ERROR(read_modernbert_head(config, c));
  const RotarySizes sizes = {c.sizes.head_dim(), c.sizes.positions};
  LW_ASSIGN_OR_RETURN(c.global_rotary,
                      read_rotary(config, {.theta = 160000, .theta_field = "global_rope_theta"},
                                  sizes, std::string(kGlobal)));
  LW_ASSIGN_OR_RETURN(c.local_rotary,
                      read_rotary(config, {.theta = 10000, .theta_field = "local_rope_theta"},
                                  sizes, std::string(kLocal)));
  return c;
}

ValueId layer(EncoderWriter& writer, const ModernBertConfig& c, size_t number, ValueId x,
              ValueId angles) {
  const std::string name = "layers." + std::to_string(number);
  const std::string self = name + ".attn";
  const std::string mlp = name + ".mlp";
  graph::Builder& builder = writer.builder();
  // The first layer reads the embeddings' norm.
  const ValueId in = number == 0 ? x : writer.norm(name + ".attn_norm", x, c.norm_bias);
  const ValueId context =
      writer.attention({.node = self,
                        .query = self + ".query",
                        .key = self + ".key",
                        .value = self + ".value",
                        .packed = self + ".Wqkv",
                        .bias = c.attention_bias},
                       in, {.angles = angles, .window = c.local[number] ? c.window : 0});
  const ValueId attended = writer.linear(self + ".Wo", context, c.sizes.hidden, c.attention_bias);
  x = builder.add(self + ".add", attended, x);
  const ValueId fed = writer.gated_feed_forward({.gate = mlp + ".input",
                                                 .up = mlp + ".gate",
                                                 .down = mlp + ".Wo",
                                                 .packed = mlp + ".Wi",
                                                 .bias = c.mlp_bias,
                                                 .down_bias = c.mlp_bias},
                                                writer.norm(name + ".mlp_norm", x, c.norm_bias));
  return builder.add(mlp + ".add", fed, x);
}

ValueId write_modernbert(EncoderWriter& writer, const ModernBertConfig& c) {
  ValueId x = writer.embed({.words = "embeddings.tok_embeddings",
                            .positions = "",
                            .types = "",
                            .features = c.sizes.hidden});
  x = writer.norm("embeddings.norm", x, c.norm_bias);
  writer.add_state(x);
  std::array<ValueId, 2> angles = {-1, -1};
  for (size_t i = 0; i < c.local.size(); ++i) {
    ValueId& of_layer = angles[c.local[i] ? 1 : 0];
    if (of_layer < 0) {
      of_layer = writer.angles(c.local[i] ? "rotary.local" : "rotary",
                               c.local[i] ? c.local_rotary : c.global_rotary);
    }
    x = layer(writer, c, i, x, of_layer);
    if (i + 1 == c.local.size()) x = writer.norm("final_norm", x, c.norm_bias);
    writer.add_state(x);
  }
  return x;
}

/// Every class has the same layer before its own.
std::vector<HeadClass> modernbert_heads(const ModernBertConfig& c) {
  const HeadLayer layer = {.dense = "head.dense",
                           .activation = c.head_activation,
                           .norm = "head.norm",
                           .eps = c.sizes.eps,
                           .dense_bias = c.head_bias,
                           .norm_bias = c.norm_bias};
  HeadClass masked = mask_head(layer, "decoder", {"decoder.bias"});
  masked.has_bias = c.decoder_bias;
  return {text_head(c.pools_mean ? HeadInput::kMeanToken : HeadInput::kFirstToken, {layer}),
          token_head({layer}), question_head({layer}, "classifier"), std::move(masked)};
}

Result<FamilyModel> build_modernbert(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const ModernBertConfig c, read_modernbert_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kModernBertAnchor, "model."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kModernBertFields);
  EncoderWriter writer(c.sizes, std::move(prefix), tensors);
  return finish_encoder(input, c.sizes, writer, write_modernbert(writer, c),
                        {.family = "modernbert",
                         .model_type = "modernbert",
                         .classes = "ModernBert",
                         .attribute = "model.",
                         .max_tokens = c.sizes.positions,
                         .words = "embeddings.tok_embeddings",
                         .heads = modernbert_heads(c)});
}

}  // namespace

const Family& modernbert_family() {
  static constexpr ModelType kModelTypes[] = {{"modernbert"}};
  static const Family family = {"modernbert", kModelTypes, build_modernbert,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
