#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// The model of a tokenizer.json whose type is Unigram: of all ways to cut a word into tokens the
/// one with the highest sum of scores, as in Hugging Face. Linear in the word for tokens of bounded
/// length.
Result<SubwordModelPtr> read_unigram_model(const base::JsonFields& model);

}  // namespace lanewise::text
