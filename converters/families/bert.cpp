// BERT: Devlin et al. 2018, arXiv:1810.04805; names and defaults as in Transformers' modeling_bert
// and configuration_bert. BGE, E5, GTE of 2023, Arctic Embed and many others are this model.

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

constexpr std::string_view kBertAnchor = "embeddings.word_embeddings.weight";

ValueId write_bert(EncoderWriter& writer, const EncoderSizes& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.hidden});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  for (size_t i = 0; i < c.layer_heads.size(); ++i) {
    x = writer.post_norm_layer(bert_layer("encoder.layer." + std::to_string(i)), x,
                               {.heads = c.layer_heads[i]});
    writer.add_state(x);
  }
  return x;
}

std::vector<HeadClass> bert_heads(const EncoderSizes& c) {
  HeadClass pretrained = predictions_head(c, c.hidden);
  pretrained.architecture = "ForPreTraining";  // Its other head, for pairs of texts, is not read.
  return {text_head(HeadInput::kPooler), token_head(), question_head(),
          predictions_head(c, c.hidden), std::move(pretrained)};
}

Result<FamilyModel> build_bert(const FamilyInput& input) {
  // Jina's checkpoints call themselves BERT.
  LW_ASSIGN_OR_RETURN(const std::string positions,
                      input.config.text("position_embedding_type", "absolute"));
  if (positions == "alibi") return jina_bert_family().build(input);
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "bert"));
  LW_ASSIGN_OR_RETURN(const EncoderSizes c, read_encoder_sizes(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kBertAnchor, "bert."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(input, c, writer, write_bert(writer, c),
                        {.family = "bert",
                         .model_type = "bert",
                         .classes = "Bert",
                         .attribute = "bert.",
                         .max_tokens = c.positions,
                         .pooler = "pooler.dense",
                         .heads = bert_heads(c)});
}

}  // namespace

const Family& bert_family() {
  static constexpr ModelType kModelTypes[] = {{"bert", "BertTokenizer", "bert."}};
  static const Family family = {"bert", kModelTypes, build_bert, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
