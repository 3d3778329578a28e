#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// WordPiece for any normalizer and pre-tokenizer: the longest pieces of each word, or the unknown
/// token for the whole of it. With BERT's own parts before it there is a faster way, BertWords.
Result<SubwordModelPtr> read_wordpiece_model(const base::JsonFields& model);

/// WordLevel: each word is one token, or the unknown token. Where `unk_token` is empty or not in
/// the vocabulary, as Hugging Face writes and reads it, an unknown word is an error.
Result<SubwordModelPtr> read_wordlevel_model(const base::JsonFields& model);

}  // namespace lanewise::text
