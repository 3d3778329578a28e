// MPNet: Song et al. 2020, arXiv:2004.09297. BERT's layers with RoBERTa's positions and, like T5,
// an attention bias by buckets of distances. Names and defaults as in Transformers' modeling_mpnet.

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/t5_buckets.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kMPNetAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kMPNetFields =
    std::to_array<std::string_view>({"relative_attention_num_buckets"});
// Transformers' class has these as constants, whatever the config says.
constexpr int64_t kFirstPosition = 2;
constexpr T5Buckets kBuckets = {.count = 32, .max_distance = 128};

PostNormModules mpnet_modules(const std::string& name) {
  const std::string self = name + ".attention.attn";
  return {.attention = AttentionModules{self, self + ".q", self + ".k", self + ".v"},
          .attention_output = self + ".o",
          .attention_norm = name + ".attention.LayerNorm",
          .up = name + ".intermediate.dense",
          .down = name + ".output.dense",
          .norm = name + ".output.LayerNorm"};
}

/// The table of buckets, by distance, which all layers share.
std::string position_bias(EncoderWriter& writer, int64_t heads) {
  const std::string name = "encoder.relative_attention_bias";
  TensorPart part;
  part.shape = {heads, 2 * kBuckets.max_distance + 1};
  part.compute = [heads](std::span<const float> table, std::span<float> bias) {
    fill_t5_bias(kBuckets, heads, /*causal=*/false, table, bias);
  };
  return writer.tensors().expect_computed(writer.prefix() + name + ".weight",
                                          {kBuckets.count, heads}, name + ".by_distance",
                                          std::move(part));
}

ValueId write_mpnet(EncoderWriter& writer, const EncoderSizes& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "",
                            .features = c.hidden,
                            .position_offset = kFirstPosition});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  const std::string bias = position_bias(writer, c.heads);
  for (int64_t i = 0; i < c.layers; ++i) {
    x = writer.post_norm_layer(mpnet_modules("encoder.layer." + std::to_string(i)), x,
                               {.relative_bias = bias});
    writer.add_state(x);
  }
  return x;
}

Status check(const Config& config, const EncoderSizes& c) {
  LW_RETURN_IF_ERROR(check_not_pruned(config, c));
  if (c.positions <= kFirstPosition) return config.wrong("max_position_embeddings", "more than 2");
  const std::string field = "relative_attention_num_buckets";
  LW_ASSIGN_OR_RETURN(const int64_t buckets,
                      config.integer(field, kBuckets.count, 1, kMaxEncoderRows));
  if (buckets == kBuckets.count) return {};
  return unsupported(config.label() + ": " + field + " " + std::to_string(buckets) +
                     " is not supported; known: " + std::to_string(kBuckets.count));
}

Result<FamilyModel> build_mpnet(const FamilyInput& input) {
  EncoderSizes defaults;
  defaults.vocabulary = 30527;
  defaults.token_types = 0;
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "mpnet"));
  LW_ASSIGN_OR_RETURN(const EncoderSizes c,
                      read_encoder_sizes(input.config, defaults, {.token_types = nullptr}));
  LW_RETURN_IF_ERROR(check(input.config, c));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kMPNetAnchor, "mpnet."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kMPNetFields);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(
      input, c, writer, write_mpnet(writer, c),
      {.family = "mpnet",
       .model_type = "mpnet",
       .classes = "MPNet",
       .attribute = "mpnet.",
       .max_tokens = c.positions - kFirstPosition,
       .pooler = "pooler.dense",
       .heads = {two_layer_text_head("tanh"), token_head(), question_head(), lm_head(c.eps)}});
}

}  // namespace

const Family& mpnet_family() {
  static constexpr ModelType kModelTypes[] = {{"mpnet", "MPNetTokenizer", "mpnet."}};
  static const Family family = {"mpnet", kModelTypes, build_mpnet, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
