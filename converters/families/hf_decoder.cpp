#include "converters/families/hf_decoder.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/hf_heads.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/hf_tokenizer.hpp"
#include "converters/families/sentence_head.hpp"
#include "converters/families/sentence_transformers.hpp"

namespace lanewise::converters {

Result<DecoderForm> decoder_form(const FamilyInput& input, std::string_view classes,
                                 const std::string& outside) {
  if (is_sentence_folder(input.folder)) return DecoderForm::kTokensAndText;
  if (input.encoder_alone) return DecoderForm::kTokens;
  static constexpr std::array kHeads = std::to_array<std::string_view>(
      {"classifier.", "multiple_choice_head.", "qa_outputs.", "score."});
  const std::string begin(classes);
  const std::array names = {begin + "Model", begin + "TextModel", begin + "ForCausalLM",
                            begin + "LMHeadModel"};
  const std::array<std::string_view, names.size()> without = {names[0], names[1], names[2],
                                                              names[3]};
  LW_RETURN_IF_ERROR(check_head(input, {without, kHeads}, outside));
  LW_ASSIGN_OR_RETURN(const auto architectures, input.config.texts("architectures"));
  const bool headless = std::ranges::any_of(
      architectures, [&](const std::string& name) { return name == names[0] || name == names[1]; });
  return headless ? DecoderForm::kTokens : DecoderForm::kLogits;
}

Result<DecoderTables> find_decoder_tables(const FamilyInput& input, DecoderForm form, bool tied,
                                          DecoderTables usual,
                                          std::vector<std::string>& leftovers) {
  if (tied || form != DecoderForm::kLogits) {
    leftovers.insert(leftovers.end(), {usual.embedding, usual.head});
  }
  if (!tied) return usual;
  const TiedTensors both(input.checkpoint, {usual.embedding, usual.head});
  usual.embedding = both.common();
  LW_ASSIGN_OR_RETURN(usual.head, both.of(usual.head));
  return usual;
}

std::vector<std::string> layer_leftovers(const std::string& prefix, int64_t layers,
                                         std::initializer_list<std::string_view> names) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < layers; ++i) {
    for (const std::string_view name : names) {
      all.push_back(prefix + "." + std::to_string(i) + "." + std::string(name));
    }
  }
  return all;
}

std::vector<std::string> rotary_leftovers(const std::string& prefix, int64_t layers,
                                          std::string_view attention) {
  constexpr std::string_view kFrequencies = "rotary_emb.inv_freq";
  std::vector<std::string> all = layer_leftovers(
      prefix + "layers", layers, {std::string(attention) + "." + std::string(kFrequencies)});
  all.push_back(prefix + std::string(kFrequencies));
  return all;
}

Status finish_decoder(const FamilyInput& input, DecoderForm form, graph::Builder& builder,
                      graph::ValueId x, const DecoderInfo& decoder, FamilyModel& model) {
  model.info.family = decoder.model_type;
  model.info.task = form == DecoderForm::kLogits ? "text-generation" : "encoder";
  model.info.vocabulary_size = decoder.vocabulary;
  model.info.max_tokens = decoder.max_tokens;
  model.info.max_text_tokens = decoder.max_tokens;
  SentenceHead sentence;
  if (form != DecoderForm::kLogits) builder.output("last_hidden_state", x);
  if (form == DecoderForm::kTokensAndText) {
    LW_ASSIGN_OR_RETURN(sentence, read_sentence_head(input, builder.value(x).features));
    append_sentence_head(builder, {.tokens = x}, sentence);
  }
  model.graph = std::move(builder).take();
  if (form == DecoderForm::kTokensAndText) {
    LW_RETURN_IF_ERROR(describe_encoder(input, sentence, model));
  }
  if (form == DecoderForm::kLogits) {
    LW_ASSIGN_OR_RETURN(model.info.generation,
                        read_hf_generation(input, decoder.vocabulary, decoder.tokens));
  }
  return read_hf_tokenizers(input, decoder.model_type, model);
}

}  // namespace lanewise::converters
