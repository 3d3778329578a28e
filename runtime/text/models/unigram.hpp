#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// The model of type Unigram in a tokenizer.json: chooses the segmentation with the highest sum of
/// scores, as Hugging Face does. Linear in the word for tokens of bounded length.
Result<SubwordModelPtr> read_unigram_model(const base::JsonFields& model);

}  // namespace lanewise::text
