#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// Common parts of Transformers' models that are a decoder alone.

/// What a folder has of such a model, or the user wants.
enum class DecoderForm {
  kLogits,         ///< with the head that generates
  kTokens,         ///< the vectors of tokens
  kTokensAndText,  ///< and the one of the text, by the modules of sentence-transformers
};

/// Decides by the files of sentence-transformers and by `architectures`; without either, the model
/// generates. `classes` begins the names of the model's classes: "Llama" of LlamaForCausalLM.
/// Fails as check_head() does.
Result<DecoderForm> decoder_form(const FamilyInput& input, std::string_view classes,
                                 const std::string& outside);

struct DecoderInfo {
  std::string_view model_type;
  int64_t vocabulary = 0;
  int64_t max_tokens = 0;
  DefaultTokens tokens;
};

/// Completes a decoder whose graph has its logits already, if it has any: outputs `x`, the vectors
/// of tokens, otherwise; takes the graph; sets the info, generation defaults and tokenizers.
Status finish_decoder(const FamilyInput& input, DecoderForm form, graph::Builder& builder,
                      graph::ValueId x, const DecoderInfo& decoder, FamilyModel& model);

}  // namespace lanewise::converters
