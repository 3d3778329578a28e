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

/// The parts of a tokenizer.json from which a tokenizer is built.
struct SubwordParts {
  NormalizerPtr normalizer;       ///< may be null
  PreTokenizerPtr pre_tokenizer;  ///< may be null: the text is one word
  SubwordModelPtr model;
  std::unique_ptr<const BertWords> bert_words;  ///< normalizer to model; null: run them in turn
  DecoderPtr decoder;                           ///< may be null: tokens are joined with spaces
  PostProcessor post_processor;
  std::vector<AddedToken> added_tokens;
  LeadingCode leading_code;
  std::string json;  ///< all parts except the model and the added tokens, as read
};

/// Produces the same ids and offsets as Hugging Face's tokenizer with the same parts.
///
/// kDataLoss if a special token has no id; kResourceExhausted if an id or a token is implausibly
/// large.
Result<std::shared_ptr<const Tokenizer>> make_subword_tokenizer(SubwordParts parts);

/// Builds the tokenizer of a tokenizer.json with this model. kUnsupported names a part that we
/// lack.
Result<std::shared_ptr<const Tokenizer>> subword_tokenizer_from_json(const base::JsonFields& file,
                                                                     SubwordModelPtr model);

}  // namespace lanewise::text
