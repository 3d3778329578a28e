#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/bert_words.hpp"
#include "runtime/text/decoders/decoder.hpp"
#include "runtime/text/leading_code.hpp"
#include "runtime/text/models/subword_model.hpp"
#include "runtime/text/normalizers/normalizer.hpp"
#include "runtime/text/post_processor.hpp"
#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// A tokenizer put together from the parts of a tokenizer.json.
struct SubwordParts {
  NormalizerPtr normalizer;       ///< may be null
  PreTokenizerPtr pre_tokenizer;  ///< may be null: a text is one word
  SubwordModelPtr model;
  std::unique_ptr<const BertWords> bert_words;  ///< normalizer to model at once; null: one by one
  DecoderPtr decoder;                           ///< may be null: tokens are joined with spaces
  PostProcessor post_processor;
  std::vector<AddedToken> added_tokens;
  LeadingCode leading_code;
  std::string json;  ///< the parts but the model and the added tokens, as they were read
};

/// Equal to Hugging Face's tokenizer of the same parts in ids and offsets.
///
/// kDataLoss if a special token has no id; kResourceExhausted if an id or
/// a token is too large to be meant.
Result<std::shared_ptr<const Tokenizer>> make_subword_tokenizer(SubwordParts parts);

/// The tokenizer of a tokenizer.json with this model. kUnsupported names a part that we lack.
Result<std::shared_ptr<const Tokenizer>> subword_tokenizer_from_json(const base::JsonFields& file,
                                                                     SubwordModelPtr model);

}  // namespace lanewise::text
