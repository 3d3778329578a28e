#include "converters/families/hf_encoder.hpp"

#include <array>
#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/hf_heads.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/hf_tokenizer.hpp"
#include "converters/families/sentence_head.hpp"
#include "converters/families/sentence_transformers.hpp"

namespace lanewise::converters {
namespace {

/// sentence-transformers uses the encoder of whatever class a folder has.
Status refuse_heads(const FamilyInput& input, const EncoderInfo& encoder,
                    const std::string& prefix) {
  static constexpr std::array kTensors = std::to_array<std::string_view>(
      {"classifier.", "cls.", "decoder.", "discriminator_predictions.", "generator_lm_head.",
       "generator_predictions.", "head.", "lm_head.", "pre_classifier.", "predictions.",
       "qa_outputs.", "score.", "sop_classifier.", "vocab_layer_norm.", "vocab_projector.",
       "vocab_transform."});
  if (is_sentence_folder(input.folder)) return {};
  const std::string name = std::string(encoder.classes) + "Model";
  const std::array<std::string_view, 1> without = {name};
  return check_head(input, {without, kTensors}, outside_of_model(prefix, encoder.attribute));
}

}  // namespace

Result<FamilyModel> finish_encoder(const FamilyInput& input, const EncoderSizes& sizes,
                                   EncoderWriter& writer, graph::ValueId x,
                                   const EncoderInfo& encoder) {
  LW_RETURN_IF_ERROR(refuse_heads(input, encoder, writer.prefix()));
  LW_ASSIGN_OR_RETURN(const SentenceHead head, read_sentence_head(input, sizes.hidden));
  writer.builder().output("last_hidden_state", x);
  append_sentence_head(writer.builder(), x, head);
  FamilyModel model;
  model.graph = std::move(writer.builder()).take();
  model.leftovers = {writer.prefix() + "embeddings.position_ids",
                     writer.prefix() + "embeddings.token_type_ids"};
  if (sizes.token_types == 0) {
    model.leftovers.push_back(writer.prefix() + "embeddings.token_type_embeddings.weight");
  }
  std::move(writer.tensors()).move_into(model);
  model.info.family = encoder.family;
  model.info.vocabulary_size = sizes.vocabulary;
  model.info.token_types = sizes.token_types;
  model.info.max_tokens = encoder.max_tokens;
  LW_RETURN_IF_ERROR(describe_encoder(input, head, model));
  LW_RETURN_IF_ERROR(read_hf_tokenizers(input, encoder.model_type, model));
  return model;
}

}  // namespace lanewise::converters
