// DeBERTa and its versions 2 and 3: He et al. 2020, arXiv:2006.03654, and 2021, arXiv:2111.09543.
// Attention also compares contents with positions. Names and defaults as in Transformers'
// modeling_deberta, modeling_deberta_v2 and their configurations.

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "converters/families/deberta_config.hpp"
#include "converters/families/deberta_parts.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/position_projection.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kFirstType = "deberta";
constexpr std::string_view kDebertaAnchor = "embeddings.word_embeddings.weight";

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
    writer_.add_state(x);
    const ValueId embedded = x;
    for (int64_t i = 0; i < c_.sizes.layers; ++i) {
      LW_ASSIGN_OR_RETURN(x, layer("encoder.layer." + std::to_string(i), x));
      if (i == 0 && c_.kernel > 0) x = convolution("encoder.conv", embedded, x);
      writer_.add_state(x);
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

  /// What the embeddings' neighbours add to the output of the first layer.
  ValueId convolution(const std::string& name, ValueId embedded, ValueId x) {
    graph::Builder& builder = writer_.builder();
    const int64_t width = c_.sizes.hidden;
    const int64_t side = c_.kernel / 2;
    const std::string module = writer_.prefix() + name;
    const graph::Affine affine{
        convolution_weight(writer_.tensors(), module + ".conv.weight", width, c_.kernel),
        writer_.tensors().expect(module + ".conv.bias", {width})};
    const ValueId near = builder.neighbour_rows(name + ".neighbours", embedded, side, side);
    const ValueId made = builder.linear(name + ".conv", near, width, affine);
    return writer_.add_and_norm(
        name + ".LayerNorm",
        builder.activation(name + ".conv.activation", made, c_.kernel_activation), x);
  }

  struct Projected {
    ValueId query;
    ValueId key;
    ValueId value;
  };

  Projected project(const std::string& name, ValueId x) {
    const int64_t width = c_.sizes.hidden;
    if (c_.is_first) {
      return {third(name, "query", 0, "q_bias", x), third(name, "key", 1, "", x),
              third(name, "value", 2, "v_bias", x)};
    }
    return {writer_.linear(name + ".query_proj", x, width),
            writer_.linear(name + ".key_proj", x, width),
            writer_.linear(name + ".value_proj", x, width)};
  }

  /// The first version has queries, keys and values of a head together, and biases beside them.
  ValueId third(const std::string& name, const std::string& role, int64_t number,
                const std::string& bias, ValueId x) {
    const std::string module = writer_.prefix() + name;
    graph::Affine affine{
        third_of_heads(writer_.tensors(), {module + ".in_proj.weight", module + "." + role},
                       {.heads = c_.sizes.heads, .width = c_.sizes.hidden, .number = number}),
        ""};
    if (!bias.empty()) {
      affine.bias = writer_.tensors().expect(module + "." + bias, {c_.sizes.hidden});
    }
    return writer_.builder().linear(name + "." + role, x, c_.sizes.hidden, affine);
  }

  Result<ValueId> attention(const std::string& name, ValueId x) {
    const auto [q, k, v] = project(name, x);
    const int64_t heads = c_.sizes.heads;
    const int64_t head_dim = c_.sizes.head_dim();
    const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim * c_.terms));
    if (!c_.is_relative()) {
      return writer_.builder().attention(
          name, q, k, v, {.heads = heads, .kv_heads = heads, .head_dim = head_dim, .scale = scale});
    }
    graph::DisentangledSpec spec{.heads = heads,
                                 .head_dim = head_dim,
                                 .scale = scale,
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
    const bool is_key = part == "key";
    if (c_.is_first) {
      return project_positions(writer_, positions_, name + (is_key ? ".pos_proj" : ".pos_q_proj"),
                               /*has_bias=*/!is_key);
    }
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
  LW_ASSIGN_OR_RETURN(const std::string type, input.config.text("model_type", ""));
  const bool is_first = type == kFirstType;
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, type));
  LW_ASSIGN_OR_RETURN(const DebertaConfig c, read_deberta_config(input.config, is_first));
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
          {.family = is_first ? "deberta" : "deberta_v2",
           .model_type = is_first ? kFirstType : "deberta-v2",
           .classes = is_first ? "Deberta" : "DebertaV2",
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
  static constexpr ModelType kModelTypes[] = {{"deberta-v2", "DebertaV2Tokenizer", "deberta."},
                                              {kFirstType, "DebertaTokenizer", "deberta."}};
  static const Family family = {"deberta_v2", kModelTypes, build_deberta_v2,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
