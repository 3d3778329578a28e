// DeBERTa-v2 and -v3: He et al. 2020, arXiv:2006.03654, and 2021, arXiv:2111.09543. Attention also
// compares contents with positions. Names and defaults as in Transformers' modeling_deberta_v2 and
// configuration_deberta_v2.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/position_projection.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kDebertaAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kDebertaFields = std::to_array<std::string_view>(
    {"attention_head_size",    "cls_dropout",           "conv_act",
     "conv_kernel_size",       "embedding_size",        "legacy",
     "max_relative_positions", "norm_rel_ebd",          "padding_idx",
     "pooler_dropout",         "pooler_hidden_act",     "pooler_hidden_size",
     "pos_att_type",           "position_biased_input", "position_buckets",
     "relative_attention",     "share_att_key",         "summary_activation",
     "summary_last_dropout",   "summary_type",          "summary_use_proj"});
// The operator's limit, and of the buckets too.
constexpr int64_t kDebertaMaxDistance = 1 << 20;

struct DebertaConfig {
  EncoderSizes sizes;
  int64_t embedding = 0;
  bool absolute_positions = true;  ///< a table of them beside the relative ones
  bool shares_projections = false;
  bool content_to_position = false;
  bool position_to_content = false;
  bool normalizes_positions = false;
  int64_t max_distance = 0;
  int64_t buckets = 0;  ///< 0: none
  std::string pooler_activation;

  bool is_relative() const { return content_to_position || position_to_content; }
  /// Of the table of positions.
  int64_t position_rows() const { return 2 * (buckets > 0 ? buckets : max_distance); }
};

/// A list, or names with a bar between them.
Result<std::vector<std::string>> names_in(const Config& config, const std::string& field) {
  const Result<std::string> text = config.text(field, "");
  if (!text.ok()) return config.texts(field);
  std::vector<std::string> names;
  std::string name;
  for (const char letter : *text + "|") {
    if (letter == '|') names.push_back(std::exchange(name, ""));
    if (letter != '|' && letter != ' ') name += letter;
  }
  return names;
}

bool contains_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Status read_deberta_positions(const Config& config, DebertaConfig& c) {
  LW_ASSIGN_OR_RETURN(c.absolute_positions, config.boolean("position_biased_input", true));
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> kinds, names_in(config, "pos_att_type"));
  c.content_to_position = contains_name(kinds, "c2p");
  c.position_to_content = contains_name(kinds, "p2c");
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> norms, names_in(config, "norm_rel_ebd"));
  c.normalizes_positions = contains_name(norms, "layer_norm");
  LW_ASSIGN_OR_RETURN(c.shares_projections, config.boolean("share_att_key", false));
  LW_ASSIGN_OR_RETURN(c.max_distance,
                      config.integer("max_relative_positions", -1, -1, kDebertaMaxDistance));
  if (c.max_distance < 1) c.max_distance = std::min(c.sizes.positions, kDebertaMaxDistance);
  LW_ASSIGN_OR_RETURN(c.buckets, config.integer("position_buckets", -1, -1, kDebertaMaxDistance));
  if (c.buckets < 1) c.buckets = 0;
  if (c.buckets == 1 || (c.buckets > 0 && c.max_distance - 1 <= c.buckets / 2)) {
    return config.wrong("position_buckets", "0, or 2 to less than twice the largest distance");
  }
  LW_ASSIGN_OR_RETURN(const bool relative, config.boolean("relative_attention", false));
  if (relative || !c.is_relative()) return {};
  return unsupported(config.label() +
                     ": 'pos_att_type' without 'relative_attention' is not supported");
}

Result<DebertaConfig> read_config(const Config& config) {
  DebertaConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 128100;
  defaults.hidden = 1536;
  defaults.layers = 24;
  defaults.heads = 24;
  defaults.intermediate = 6144;
  defaults.token_types = 0;
  defaults.eps = 1e-7;
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c.sizes));
  const int64_t hidden = c.sizes.hidden;
  LW_ASSIGN_OR_RETURN(c.embedding,
                      config.integer("embedding_size", hidden, 1, kMaxEncoderFeatures));
  LW_RETURN_IF_ERROR(read_deberta_positions(config, c));
  LW_ASSIGN_OR_RETURN(c.pooler_activation, activation_name(config, "pooler_hidden_act", "gelu"));
  for (const auto& [field, only] :
       {std::pair("attention_head_size", c.sizes.head_dim()),
        std::pair("pooler_hidden_size", hidden), std::pair("conv_kernel_size", int64_t{0})}) {
    LW_ASSIGN_OR_RETURN(const int64_t value, config.integer(field, only, 0, INT32_MAX));
    if (value == only) continue;
    return unsupported(config.label() + ": " + field + " " + std::to_string(value) +
                       " is not supported; known: " + std::to_string(only));
  }
  return c;
}

/// Writes the layers of an encoder.
class DebertaWriter {
 public:
  DebertaWriter(EncoderWriter& writer, const DebertaConfig& config, PositionEmbeddings positions)
      : writer_(writer), c_(config), positions_(std::move(positions)) {}

  Result<ValueId> write() {
    ValueId x =
        writer_.embed({.words = "embeddings.word_embeddings",
                       .positions = c_.absolute_positions ? "embeddings.position_embeddings" : "",
                       .types = "embeddings.token_type_embeddings",
                       .features = c_.embedding});
    if (c_.embedding != c_.sizes.hidden) {
      x = writer_.linear("embeddings.embed_proj", x, c_.sizes.hidden, /*bias=*/false);
    }
    x = writer_.norm("embeddings.LayerNorm", x);
    for (int64_t i = 0; i < c_.sizes.layers; ++i) {
      LW_ASSIGN_OR_RETURN(x, layer("encoder.layer." + std::to_string(i), x));
    }
    return x;
  }

 private:
  Result<ValueId> layer(const std::string& name, ValueId x) {
    const PostNormModules modules = bert_layer(name);
    LW_ASSIGN_OR_RETURN(const ValueId context, attention(name + ".attention.self", x));
    const ValueId attended = writer_.linear(modules.attention_output, context, c_.sizes.hidden);
    x = writer_.add_and_norm(modules.attention_norm, attended, x);
    const ValueId fed = writer_.feed_forward(modules.up, modules.down, x);
    return writer_.add_and_norm(modules.norm, fed, x);
  }

  /// The scores of contents and positions share one scale.
  double scale() const {
    const int terms = 1 + (c_.content_to_position ? 1 : 0) + (c_.position_to_content ? 1 : 0);
    return 1.0 / std::sqrt(static_cast<double>(c_.sizes.head_dim() * terms));
  }

  Result<ValueId> attention(const std::string& name, ValueId x) {
    const int64_t width = c_.sizes.hidden;
    const ValueId q = writer_.linear(name + ".query_proj", x, width);
    const ValueId k = writer_.linear(name + ".key_proj", x, width);
    const ValueId v = writer_.linear(name + ".value_proj", x, width);
    const int64_t heads = c_.sizes.heads;
    const int64_t head_dim = c_.sizes.head_dim();
    if (!c_.is_relative()) {
      return writer_.builder().attention(name, q, k, v,
                                         {.heads = heads, .kv_heads = heads, .head_dim = head_dim});
    }
    graph::DisentangledSpec spec{.heads = heads,
                                 .head_dim = head_dim,
                                 .scale = scale(),
                                 .max_distance = c_.max_distance,
                                 .buckets = c_.buckets,
                                 .key_positions = {},
                                 .query_positions = {}};
    if (c_.content_to_position) {
      LW_ASSIGN_OR_RETURN(spec.key_positions, positions_of(name, "key"));
    }
    if (c_.position_to_content) {
      LW_ASSIGN_OR_RETURN(spec.query_positions, positions_of(name, "query"));
    }
    return writer_.builder().disentangled_attention(name, q, k, v, spec);
  }

  /// The positions as keys, or queries, of a layer, which depend on no text.
  Result<std::string> positions_of(const std::string& name, const std::string& part) {
    const std::string module = name + (c_.shares_projections ? "." : ".pos_") + part + "_proj";
    return project_positions(writer_, positions_, module);
  }

  EncoderWriter& writer_;
  const DebertaConfig& c_;
  PositionEmbeddings positions_;
};

/// Microsoft's checkpoints have the head of the paper's authors, those of Transformers with
/// `legacy` one like BERT's.
HeadClass masked_head(const DebertaConfig& c, bool legacy) {
  if (legacy) return predictions_head(c.sizes, c.embedding);
  const std::string head = "lm_predictions.lm_head.";
  return mask_head({.dense = head + "dense",
                    .activation = c.sizes.activation,
                    .norm = head + "LayerNorm",
                    .eps = c.sizes.eps},
                   head + "decoder", {head + "bias"});
}

Result<bool> has_legacy_head(const FamilyInput& input, const std::string& outside) {
  const std::string bias = outside + "lm_predictions.lm_head.bias";
  return input.config.boolean("legacy", input.checkpoint.find(bias) == nullptr);
}

Result<FamilyModel> build_deberta_v2(const FamilyInput& input) {
  constexpr std::string_view kAttribute = "deberta.";
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "deberta-v2"));
  LW_ASSIGN_OR_RETURN(const DebertaConfig c, read_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kDebertaAnchor, kAttribute));
  LW_ASSIGN_OR_RETURN(const bool legacy,
                      has_legacy_head(input, outside_of_model(prefix, kAttribute)));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kDebertaFields);
  EncoderWriter writer(c.sizes, prefix, tensors);
  PositionEmbeddings positions;
  if (c.is_relative()) {
    LW_ASSIGN_OR_RETURN(positions, read_position_embeddings(input.checkpoint, writer, "encoder.",
                                                            {.rows = c.position_rows(),
                                                             .features = c.sizes.hidden,
                                                             .eps = c.sizes.eps,
                                                             .norm = c.normalizes_positions}));
  }
  LW_ASSIGN_OR_RETURN(const ValueId x, DebertaWriter(writer, c, std::move(positions)).write());
  LW_ASSIGN_OR_RETURN(
      FamilyModel model,
      finish_encoder(
          input, c.sizes, writer, x,
          {.family = "deberta_v2",
           .model_type = "deberta-v2",
           .classes = "DebertaV2",
           .attribute = kAttribute,
           .max_tokens = c.sizes.positions,
           .heads = {text_head(HeadInput::kFirstToken,
                               {{.dense = "pooler.dense", .activation = c.pooler_activation}}),
                     token_head(), question_head(), masked_head(c, legacy)}}));
  // Transformers ignores them too.
  if (!c.absolute_positions) {
    model.leftovers.push_back(prefix + "embeddings.position_embeddings.weight");
  }
  return model;
}

}  // namespace

const Family& deberta_v2_family() {
  static constexpr ModelType kModelTypes[] = {{"deberta-v2", "DebertaV2Tokenizer", "deberta."}};
  static const Family family = {"deberta_v2", kModelTypes, build_deberta_v2,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
