// RoBERTa: Liu et al. 2019, arXiv:1907.11692; XLM-RoBERTa: Conneau et al. 2019, arXiv:1911.02116;
// CamemBERT: Martin et al. 2019, arXiv:1911.03894. BERT's net, whose positions start at
// pad_token_id + 1. Names and defaults as in Transformers' modeling_roberta and its relatives.

#include <algorithm>
#include <iterator>
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

constexpr std::string_view kRobertaAnchor = "embeddings.word_embeddings.weight";

struct Kind {
  std::string_view model_type;
  std::string_view classes;
  int64_t vocabulary;
};

constexpr Kind kRobertaKinds[] = {{"roberta", "Roberta", 50265},
                                  {"xlm-roberta", "XLMRoberta", 30522},
                                  {"camembert", "Camembert", 30522}};

/// The row of the first token's position: the rows up to that of padding are never used.
Result<int64_t> first_position(const Config& config, const EncoderSizes& c) {
  LW_ASSIGN_OR_RETURN(const int64_t pad, config.integer("pad_token_id", 1, 0, kMaxEncoderRows - 1));
  if (pad + 1 < c.positions) return pad + 1;
  return config.wrong("max_position_embeddings",
                      "more than 'pad_token_id' " + std::to_string(pad) + " + 1");
}

ValueId write_roberta(EncoderWriter& writer, const EncoderSizes& c, int64_t first) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.hidden,
                            .position_offset = first});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  for (size_t i = 0; i < c.layer_heads.size(); ++i) {
    x = writer.post_norm_layer(bert_layer("encoder.layer." + std::to_string(i)), x,
                               {.heads = c.layer_heads[i]});
    writer.add_state(x);
  }
  return x;
}

Result<FamilyModel> build_roberta(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const std::string type, input.config.text("model_type", ""));
  const Kind* kind = std::ranges::find(kRobertaKinds, type, &Kind::model_type);
  if (kind == std::end(kRobertaKinds)) kind = kRobertaKinds;
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, kind->model_type));
  EncoderSizes defaults;
  defaults.vocabulary = kind->vocabulary;
  LW_ASSIGN_OR_RETURN(const EncoderSizes c, read_encoder_sizes(input.config, defaults));
  LW_ASSIGN_OR_RETURN(const int64_t first, first_position(input.config, c));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kRobertaAnchor, "roberta."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(
      input, c, writer, write_roberta(writer, c, first),
      {.family = "roberta",
       .model_type = kind->model_type,
       .classes = kind->classes,
       .attribute = "roberta.",
       .max_tokens = c.positions - first,
       .pooler = "pooler.dense",
       .heads = {two_layer_text_head("tanh"), token_head(), question_head(), lm_head(c.eps)}});
}

}  // namespace

const Family& roberta_family() {
  static constexpr ModelType kModelTypes[] = {{"roberta", "RobertaTokenizer", "roberta."},
                                              {"xlm-roberta", "XLMRobertaTokenizer", "roberta."},
                                              {"camembert", "CamembertTokenizer", "roberta."}};
  static const Family family = {"roberta", kModelTypes, build_roberta, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
