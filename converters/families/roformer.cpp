// RoFormer: Su et al. 2021, arXiv:2104.09864. BERT with rotary positions. Names and defaults as in
// Transformers' modeling_roformer and configuration_roformer.

#include <array>
#include <cmath>
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

constexpr std::string_view kRoFormerAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kRoFormerFields =
    std::to_array<std::string_view>({"embedding_size", "rotary_value"});
constexpr double kTheta = 10000;

struct RoFormerConfig {
  EncoderSizes sizes;
  int64_t embedding = 0;
  bool turn_values = false;
};

Result<RoFormerConfig> read_roformer_config(const Config& config) {
  RoFormerConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = 50000;
  defaults.positions = 1536;
  LW_RETURN_IF_ERROR(check_is_encoder(config, "roformer"));
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults));
  LW_ASSIGN_OR_RETURN(c.embedding,
                      config.integer("embedding_size", c.sizes.hidden, 1, kMaxEncoderFeatures));
  LW_ASSIGN_OR_RETURN(c.turn_values, config.boolean("rotary_value", false));
  if (c.sizes.head_dim() % 2 == 0) return c;
  return config.wrong("num_attention_heads", "heads with an even number of features");
}

/// Unlike later models, RoFormer computes its angles in f64.
RotaryFrequencies frequencies(int64_t head_dim) {
  RotaryFrequencies rotary;
  for (int64_t i = 0; i < head_dim; i += 2) {
    const double exponent = -static_cast<double>(i) / static_cast<double>(head_dim);
    rotary.frequencies.push_back(static_cast<float>(std::pow(kTheta, exponent)));
  }
  return rotary;
}

ValueId write_roformer(EncoderWriter& writer, const RoFormerConfig& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.embedding});
  x = writer.norm("embeddings.LayerNorm", x);
  if (c.embedding != c.sizes.hidden) x = writer.linear("embeddings_project", x, c.sizes.hidden);
  writer.add_state(x);
  const ValueId angles = writer.angles("rotary", frequencies(c.sizes.head_dim()));
  for (size_t i = 0; i < c.sizes.layer_heads.size(); ++i) {
    x = writer.post_norm_layer(bert_layer("encoder.layer." + std::to_string(i)), x,
                               {.heads = c.sizes.layer_heads[i],
                                .angles = angles,
                                .interleaved = true,
                                .turn_values = c.turn_values});
    writer.add_state(x);
  }
  return x;
}

std::vector<HeadClass> roformer_heads(const RoFormerConfig& c) {
  return {two_layer_text_head(c.sizes.activation), token_head(), question_head(),
          predictions_head(c.sizes, c.embedding)};
}

Result<FamilyModel> build_roformer(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const RoFormerConfig c, read_roformer_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kRoFormerAnchor, "roformer."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kRoFormerFields);
  const std::string table = prefix + "encoder.embed_positions.weight";
  EncoderWriter writer(c.sizes, std::move(prefix), tensors);
  LW_ASSIGN_OR_RETURN(FamilyModel model,
                      finish_encoder(input, c.sizes, writer, write_roformer(writer, c),
                                     {.family = "roformer",
                                      .model_type = "roformer",
                                      .classes = "RoFormer",
                                      .attribute = "roformer.",
                                      .max_tokens = c.sizes.positions,
                                      .heads = roformer_heads(c)}));
  // Sines and cosines of the angles.
  model.leftovers.push_back(table);
  return model;
}

}  // namespace

const Family& roformer_family() {
  static constexpr ModelType kModelTypes[] = {{"roformer", "RoFormerTokenizer", "roformer."}};
  static const Family family = {"roformer", kModelTypes, build_roformer, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
