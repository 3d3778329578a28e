#pragma once

#include <cstdint>
#include <string_view>

#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What distinguishes an encoder of Transformers, besides its graph.
struct EncoderInfo {
  std::string_view family;
  std::string_view model_type;  ///< for its tokenizer
  std::string_view classes;     ///< begins the names of its classes: "Roberta" of RobertaModel
  std::string_view attribute;   ///< of the model within a class with a head: "roberta."
  int64_t max_tokens = 0;
};

/// Completes an encoder: outputs `x`, the vectors of tokens, as `last_hidden_state`, and what
/// sentence-transformers makes of them; takes the graph and its tensors; sets the info and the
/// tokenizer. Fails as check_head(), read_sentence_head() and read_hf_tokenizers() do.
Result<FamilyModel> finish_encoder(const FamilyInput& input, const EncoderSizes& sizes,
                                   EncoderWriter& writer, graph::ValueId x,
                                   const EncoderInfo& encoder);

}  // namespace lanewise::converters
