#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// WordPiece for any normalizer and pre-tokenizer: the longest pieces of each word, or the unknown
/// token for the whole word. With BERT's own normalizer and pre-tokenizer, BertWords is faster.
Result<SubwordModelPtr> read_wordpiece_model(const base::JsonFields& model);

/// WordLevel: each word is one token, or the unknown token. If `unk_token` is empty or not in the
/// vocabulary, both of which Hugging Face permits, an unknown word is an error.
Result<SubwordModelPtr> read_wordlevel_model(const base::JsonFields& model);

}  // namespace lanewise::text
