// ALBERT: Lan et al. 2019, arXiv:1909.11942. Groups of layers share their weights, and embeddings
// are narrow. Names and defaults as in Transformers' modeling_albert and configuration_albert.

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kAlbertAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kAlbertFields = std::to_array<std::string_view>(
    {"classifier_dropout_prob", "down_scale_factor", "embedding_size", "gap_size",
     "inner_group_num", "net_structure_type", "num_hidden_groups", "num_memory_blocks"});

struct AlbertConfig {
  EncoderSizes sizes;
  int64_t embedding = 0;
  int64_t groups = 0;
  int64_t inner = 0;  ///< layers in a group
};

Result<AlbertConfig> read_albert_config(const Config& config) {
  AlbertConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 30000;
  defaults.hidden = 4096;
  defaults.heads = 64;
  defaults.intermediate = 16384;
  defaults.activation = "gelu_new";
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c.sizes));
  LW_ASSIGN_OR_RETURN(c.embedding, config.integer("embedding_size", 128, 1, kMaxEncoderFeatures));
  LW_ASSIGN_OR_RETURN(c.groups, config.integer("num_hidden_groups", 1, 1, c.sizes.layers));
  LW_ASSIGN_OR_RETURN(c.inner,
                      config.integer("inner_group_num", 1, 1, kMaxEncoderLayers / c.sizes.layers));
  return c;
}

PostNormModules albert_modules(const std::string& name) {
  const std::string self = name + ".attention";
  return {.attention = AttentionModules{self, self + ".query", self + ".key", self + ".value"},
          .attention_output = self + ".dense",
          .attention_norm = self + ".LayerNorm",
          .up = name + ".ffn",
          .down = name + ".ffn_output",
          .norm = name + ".full_layer_layer_norm"};
}

/// In floating point, as Transformers does.
int64_t group_of(int64_t layer, const AlbertConfig& c) {
  const double layers_of_group =
      static_cast<double>(c.sizes.layers) / static_cast<double>(c.groups);
  return static_cast<int64_t>(static_cast<double>(layer) / layers_of_group);
}

ValueId write_albert(EncoderWriter& writer, const AlbertConfig& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.embedding});
  x = writer.norm("embeddings.LayerNorm", x);
  x = writer.linear("encoder.embedding_hidden_mapping_in", x, c.sizes.hidden);
  writer.add_state(x);
  for (int64_t i = 0; i < c.sizes.layers; ++i) {
    const std::string group = "encoder.albert_layer_groups." + std::to_string(group_of(i, c));
    writer.set_node_prefix("layer." + std::to_string(i) + ".");
    for (int64_t j = 0; j < c.inner; ++j) {
      x = writer.post_norm_layer(albert_modules(group + ".albert_layers." + std::to_string(j)), x,
                                 {});
    }
    writer.add_state(x);
  }
  writer.set_node_prefix("");
  return x;
}

std::vector<HeadClass> albert_heads(const AlbertConfig& c) {
  const HeadLayer transform = {.dense = "predictions.dense",
                               .activation = c.sizes.activation,
                               .norm = "predictions.LayerNorm",
                               .eps = c.sizes.eps,
                               .features = c.embedding};
  HeadClass masked =
      mask_head(transform, "predictions.decoder", {"predictions.bias", "predictions.decoder.bias"});
  HeadClass pretrained = masked;
  pretrained.architecture = "ForPreTraining";  // Its other head, for pairs of texts, is not read.
  return {text_head(HeadInput::kPooler), token_head(), question_head(), std::move(masked),
          std::move(pretrained)};
}

Result<FamilyModel> build_albert(const FamilyInput& input) {
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "albert"));
  LW_ASSIGN_OR_RETURN(const AlbertConfig c, read_albert_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kAlbertAnchor, "albert."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kAlbertFields);
  EncoderWriter writer(c.sizes, std::move(prefix), tensors);
  return finish_encoder(input, c.sizes, writer, write_albert(writer, c),
                        {.family = "albert",
                         .model_type = "albert",
                         .classes = "Albert",
                         .attribute = "albert.",
                         .max_tokens = c.sizes.positions,
                         .pooler = "pooler",
                         .heads = albert_heads(c)});
}

}  // namespace

const Family& albert_family() {
  static constexpr ModelType kModelTypes[] = {{"albert", "AlbertTokenizer", "albert."}};
  static const Family family = {"albert", kModelTypes, build_albert, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
