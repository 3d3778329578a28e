// ELECTRA: Clark et al. 2020, arXiv:2003.10555. BERT's layers behind embeddings that may be
// narrower. Names and defaults as in Transformers' modeling_electra and configuration_electra.

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

constexpr std::string_view kElectraAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kElectraFields =
    std::to_array<std::string_view>({"embedding_size", "summary_activation", "summary_last_dropout",
                                     "summary_type", "summary_use_proj"});

ValueId write_electra(EncoderWriter& writer, const EncoderSizes& c, int64_t embedding) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "embeddings.token_type_embeddings",
                            .features = embedding});
  x = writer.norm("embeddings.LayerNorm", x);
  if (embedding != c.hidden) x = writer.linear("embeddings_project", x, c.hidden);
  writer.add_state(x);
  for (size_t i = 0; i < c.layer_heads.size(); ++i) {
    x = writer.post_norm_layer(bert_layer("encoder.layer." + std::to_string(i)), x,
                               {.heads = c.layer_heads[i]});
    writer.add_state(x);
  }
  return x;
}

std::vector<HeadClass> electra_heads(const EncoderSizes& c, int64_t embedding) {
  const HeadLayer transform = {.dense = "generator_predictions.dense",
                               .activation = "gelu",
                               .norm = "generator_predictions.LayerNorm",
                               .eps = c.eps,
                               .features = embedding};
  return {two_layer_text_head("gelu"), token_head(), question_head(),
          mask_head(transform, "generator_lm_head", {"generator_lm_head.bias"})};
}

Result<FamilyModel> build_electra(const FamilyInput& input) {
  EncoderSizes defaults;
  defaults.hidden = 256;
  defaults.heads = 4;
  defaults.intermediate = 1024;
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "electra"));
  LW_ASSIGN_OR_RETURN(const EncoderSizes c, read_encoder_sizes(input.config, defaults));
  LW_ASSIGN_OR_RETURN(const int64_t embedding,
                      input.config.integer("embedding_size", 128, 1, kMaxEncoderFeatures));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kElectraAnchor, "electra."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kElectraFields);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(input, c, writer, write_electra(writer, c, embedding),
                        {.family = "electra",
                         .model_type = "electra",
                         .classes = "Electra",
                         .attribute = "electra.",
                         .max_tokens = c.positions,
                         .heads = electra_heads(c, embedding)});
}

}  // namespace

const Family& electra_family() {
  static constexpr ModelType kModelTypes[] = {{"electra", "ElectraTokenizer", "electra."}};
  static const Family family = {"electra", kModelTypes, build_electra, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
