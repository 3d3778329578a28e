// NomicBERT: Nussbaum et al. 2024, arXiv:2402.01613. BERT's norms around rotary attention and gated
// feed-forward layers. Names and defaults as in Transformers' modeling_nomic_bert, and as in the
// code that nomic-ai/nomic-bert-2048 published before, whose config is derived from GPT-2's.

#include <algorithm>
#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/rotary_config.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::ValueId;

constexpr std::string_view kNomicBertAnchor = "embeddings.word_embeddings.weight";

constexpr std::array kNomicBertFields =
    std::to_array<std::string_view>({"activation_function",
                                     "attn_pdrop",
                                     "causal",
                                     "dense_seq_output",
                                     "embd_pdrop",
                                     "fused_bias_fc",
                                     "fused_dropout_add_ln",
                                     "head_dim",
                                     "layer_norm_epsilon",
                                     "max_trained_positions",
                                     "mlp_fc1_bias",
                                     "mlp_fc2_bias",
                                     "moe_every_n_layers",
                                     "n_embd",
                                     "n_head",
                                     "n_inner",
                                     "n_layer",
                                     "n_positions",
                                     "num_heads_kv",
                                     "pad_vocab_size_multiple",
                                     "parallel_block",
                                     "parallel_block_tied_norm",
                                     "prenorm",
                                     "qkv_proj_bias",
                                     "reorder_and_upcast_attn",
                                     "resid_pdrop",
                                     "rope_parameters",
                                     "rope_scaling",
                                     "rope_theta",
                                     "rotary_emb_base",
                                     "rotary_emb_fraction",
                                     "rotary_emb_interleaved",
                                     "rotary_emb_scale_base",
                                     "rotary_scaling_factor",
                                     "scale_attn_by_inverse_layer_idx",
                                     "scale_attn_weights",
                                     "summary_activation",
                                     "summary_first_dropout",
                                     "summary_proj_to_labels",
                                     "summary_type",
                                     "summary_use_proj",
                                     "use_flash_attn",
                                     "use_rms_norm",
                                     "use_xentropy"});

struct NomicBertConfig {
  EncoderSizes sizes;
  int64_t max_tokens = 0;
  bool attention_bias = false;
  bool up_bias = false;
  bool down_bias = false;
  bool head_bias = true;
  bool gated = true;
  bool interleaved = false;
  RotaryFrequencies rotary;
};

Status refuse_nomic_bert_unsupported(const Config& config) {
  constexpr std::array kFixed =
      std::to_array<FixedField>({{"causal", false},
                                 {"parallel_block", false},
                                 {"prenorm", false},
                                 {"scale_attn_by_inverse_layer_idx", false},
                                 {"scale_attn_weights", true},
                                 {"use_rms_norm", false}});
  LW_RETURN_IF_ERROR(check_is_encoder(config, "nomic_bert"));
  LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  for (const char* field : {"num_heads_kv", "rotary_emb_scale_base"}) {
    if (config.has(field)) {
      return unsupported(config.label() + ": " + in_quotes(field) + " is not supported");
    }
  }
  LW_ASSIGN_OR_RETURN(const int64_t experts, config.integer("moe_every_n_layers", 0, 0, INT32_MAX));
  if (experts == 0) return {};
  return unsupported(config.label() +
                     ": 'moe_every_n_layers', layers of experts, is not supported");
}

/// `swiglu`, `geglu` and `glu` are gated; `gelu` is not.
Status read_nomic_bert_activation(const Config& config, NomicBertConfig& c) {
  constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
      {"swiglu", "silu"}, {"geglu", "gelu"}, {"glu", "sigmoid"}, {"gelu", "gelu"}};
  const std::string field = "activation_function";
  LW_ASSIGN_OR_RETURN(const std::string name, config.text(field, "gelu_new"));
  for (const auto& [theirs, ours] : kKnown) {
    if (name != theirs) continue;
    c.gated = name.ends_with("glu");
    c.sizes.activation = ours;
    return {};
  }
  return unsupported(config.label() + ": " + field + " " + in_quotes(name) +
                     " is not supported; known: swiglu, geglu, glu, gelu");
}

/// The published code rounds the features inside gated layers up, and makes as many of them as
/// plain layers have weights if the config does not say.
Status read_inner(const Config& config, NomicBertConfig& c) {
  constexpr int64_t kMultiple = 256;
  const int64_t hidden = c.sizes.hidden;
  LW_ASSIGN_OR_RETURN(
      c.sizes.intermediate,
      config.integer("n_inner", c.gated ? 8 * hidden / 3 : 4 * hidden, 1, kMaxEncoderFeatures));
  if (c.gated)
    c.sizes.intermediate = (c.sizes.intermediate + kMultiple - 1) / kMultiple * kMultiple;
  return {};
}

Status read_published_rotary(const FamilyInput& input, NomicBertConfig& c) {
  const Config& config = input.config;
  LW_ASSIGN_OR_RETURN(const double fraction, config.number("rotary_emb_fraction", 0, 0, 1));
  if (fraction == 0) {
    return unsupported(config.label() + ": 'rotary_emb_fraction' 0 is not supported");
  }
  LW_ASSIGN_OR_RETURN(c.interleaved, config.boolean("rotary_emb_interleaved", false));
  LW_ASSIGN_OR_RETURN(const Config none, config.object("rope_parameters"));
  const RotaryDefaults defaults = {.theta_field = "rotary_emb_base",
                                   .partial_field = "rotary_emb_fraction"};
  LW_ASSIGN_OR_RETURN(c.rotary,
                      rotary_from(config, none, defaults, {c.sizes.head_dim(), c.sizes.positions}));
  if (!config.has("rotary_scaling_factor")) return {};
  // Beyond that length frequencies depend on the length of the batch.
  LW_ASSIGN_OR_RETURN(const int64_t trained,
                      config.integer("max_trained_positions", 2048, 1, kMaxEncoderRows));
  if (trained >= c.max_tokens) return {};
  c.max_tokens = trained;
  input.report("'rotary_scaling_factor' is not supported: texts are limited to the " +
               std::to_string(trained) + " tokens that the model was trained on");
  return {};
}

Result<NomicBertConfig> read_published(const FamilyInput& input) {
  const Config& config = input.config;
  NomicBertConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 50257;
  defaults.positions = 1024;
  defaults.eps = 1e-5;
  const EncoderFields fields = {.hidden = "n_embd",
                                .layers = "n_layer",
                                .heads = "n_head",
                                .intermediate = nullptr,
                                .positions = "n_positions",
                                .eps = "layer_norm_epsilon",
                                .activation = nullptr};
  LW_RETURN_IF_ERROR(refuse_nomic_bert_unsupported(config));
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults, fields));
  LW_ASSIGN_OR_RETURN(const int64_t multiple,
                      config.integer("pad_vocab_size_multiple", 1, 1, 1 << 20));
  c.sizes.vocabulary = (c.sizes.vocabulary + multiple - 1) / multiple * multiple;
  c.max_tokens = c.sizes.positions;
  LW_ASSIGN_OR_RETURN(c.attention_bias, config.boolean("qkv_proj_bias", true));
  LW_ASSIGN_OR_RETURN(c.up_bias, config.boolean("mlp_fc1_bias", true));
  c.head_bias = c.up_bias;
  LW_ASSIGN_OR_RETURN(c.down_bias, config.boolean("mlp_fc2_bias", true));
  LW_RETURN_IF_ERROR(read_nomic_bert_activation(config, c));
  LW_RETURN_IF_ERROR(read_inner(config, c));
  LW_RETURN_IF_ERROR(read_published_rotary(input, c));
  return c;
}

Result<NomicBertConfig> read_nomic_bert_config(const FamilyInput& input) {
  const Config& config = input.config;
  NomicBertConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 30528;
  defaults.positions = 2048;
  defaults.activation = "silu";
  LW_RETURN_IF_ERROR(check_is_encoder(config, "nomic_bert"));
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults));
  c.max_tokens = c.sizes.positions;
  LW_ASSIGN_OR_RETURN(const int64_t head_dim,
                      config.integer("head_dim", c.sizes.head_dim(), 1, kMaxEncoderFeatures));
  if (head_dim != c.sizes.head_dim()) {
    return unsupported(config.label() + ": head_dim " + std::to_string(head_dim) +
                       " is not supported; known: " + std::to_string(c.sizes.head_dim()));
  }
  LW_ASSIGN_OR_RETURN(
      c.rotary, read_rotary(config, {.theta = 1000}, {c.sizes.head_dim(), c.sizes.positions}));
  return c;
}

PostNormModules published_nomic_bert_layer(const std::string& name, const NomicBertConfig& c) {
  const std::string self = name + ".attn";
  const std::string mlp = name + ".mlp";
  PostNormModules modules = {.attention = AttentionModules{.node = self,
                                                           .query = self + ".query",
                                                           .key = self + ".key",
                                                           .value = self + ".value",
                                                           .packed = self + ".Wqkv",
                                                           .bias = c.attention_bias},
                             .attention_output = self + ".out_proj",
                             .attention_norm = name + ".norm1",
                             .up = mlp + ".fc1",
                             .down = mlp + ".fc2",
                             .norm = name + ".norm2",
                             .output_bias = c.attention_bias};
  if (!c.gated) return modules;
  modules.gated = GatedModules{.gate = mlp + ".fc12",
                               .up = mlp + ".fc11",
                               .down = mlp + ".fc2",
                               .bias = c.up_bias,
                               .down_bias = c.down_bias};
  return modules;
}

ValueId write_nomic_bert(EncoderWriter& writer, const NomicBertConfig& c) {
  // Transformers reads both spellings of tensors, and writes the published one.
  const bool own =
      writer.tensors().find(writer.prefix() + "layers.0.self_attn.o_proj.weight") != nullptr;
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.sizes.hidden});
  x = writer.norm(own ? "embeddings.LayerNorm" : "emb_ln", x);
  writer.add_state(x);
  const ValueId angles = writer.angles("rotary", c.rotary);
  for (int64_t i = 0; i < c.sizes.layers; ++i) {
    const std::string number = std::to_string(i);
    const PostNormModules modules = own ? gated_layer("layers." + number)
                                        : published_nomic_bert_layer("encoder.layers." + number, c);
    x = writer.post_norm_layer(modules, x, {.angles = angles, .interleaved = c.interleaved});
    writer.add_state(x);
  }
  return x;
}

/// The published code has its masked-token head in a class for pre-training.
std::vector<HeadClass> nomic_bert_heads(const NomicBertConfig& c) {
  HeadClass masked = predictions_head(c.sizes, c.sizes.hidden, "layer_norm");
  masked.layers.front().dense_bias = c.head_bias;
  masked.has_bias = c.head_bias;
  HeadClass pretrained = masked;
  pretrained.architecture = "ForPreTraining";
  return {text_head(HeadInput::kPooler), token_head(), std::move(masked), std::move(pretrained)};
}

Result<FamilyModel> build_nomic_bert(const FamilyInput& input) {
  const bool published = input.config.has("n_embd") || input.config.has("rotary_emb_fraction");
  LW_ASSIGN_OR_RETURN(const NomicBertConfig c,
                      published ? read_published(input) : read_nomic_bert_config(input));
  LW_RETURN_IF_ERROR(check_not_pruned(input.config, c.sizes));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kNomicBertAnchor, "bert."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kNomicBertFields);
  const std::string_view attribute = prefix.ends_with("nomic_bert.") ? "nomic_bert." : "bert.";
  EncoderWriter writer(c.sizes, std::move(prefix), tensors);
  return finish_encoder(input, c.sizes, writer, write_nomic_bert(writer, c),
                        {.family = "nomic_bert",
                         .model_type = "nomic_bert",
                         .classes = "NomicBert",
                         .attribute = attribute,
                         .max_tokens = c.max_tokens,
                         .pooler = "pooler.dense",
                         .heads = nomic_bert_heads(c)});
}

}  // namespace

const Family& nomic_bert_family() {
  static constexpr ModelType kModelTypes[] = {{"nomic_bert", "BertTokenizer", "nomic_bert."}};
  static const Family family = {"nomic_bert", kModelTypes, build_nomic_bert,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
