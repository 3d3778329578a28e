#pragma once

#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Makes the tokenizers of a Hugging Face folder without tokenizer.json out of its SentencePiece
/// models, by the conventions of `model_type`; of a tokenizer.json whose class is one of NLLB or
/// mBART it changes the template. Leaves `model` as it is for any other tokenizer.json, and where
/// the folder lacks a file that the convention needs.
///
/// The language of sources is `src_lang` of tokenizer_config.json, else English.
/// Fails as the functions of converters/tokenizers/families.hpp.
Status read_hf_tokenizers(const FamilyInput& input, std::string_view model_type,
                          FamilyModel& model);

}  // namespace lanewise::converters
