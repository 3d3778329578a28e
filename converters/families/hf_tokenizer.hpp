#pragma once

#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Builds the tokenizers of a Hugging Face folder as its class in Transformers does: from its
/// SentencePiece models by the conventions of `model_type`, or, except for Marian and M2M100, from
/// its tokenizer.json, whose template is replaced for NLLB and mBART; including the files beside
/// it. Leaves `model` unchanged if the folder has none of these files.
///
/// The source language is `src_lang` of tokenizer_config.json, else English. Fails as the functions
/// of converters/tokenizers/families.hpp and folder_tokenizer.hpp do.
Status read_hf_tokenizers(const FamilyInput& input, std::string_view model_type,
                          FamilyModel& model);

}  // namespace lanewise::converters
