#pragma once

#include <string_view>

#include "converters/families/family.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Makes the tokenizers of a Hugging Face folder as the class that reads it in Transformers does:
/// out of its SentencePiece models by the conventions of `model_type`, or, but for Marian and
/// M2M100, of its tokenizer.json, where those of NLLB and mBART get another template; with what
/// stands beside it. Leaves `model` as it is where the folder has none of these files.
///
/// The language of sources is `src_lang` of tokenizer_config.json, else English.
/// Fails as the functions of converters/tokenizers/families.hpp and folder_tokenizer.hpp.
Status read_hf_tokenizers(const FamilyInput& input, std::string_view model_type,
                          FamilyModel& model);

}  // namespace lanewise::converters
