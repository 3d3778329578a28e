#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/bert_normalizer.hpp"
#include "runtime/text/models/longest_pieces.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// How WordPiece joins tokens to text.
struct WordPieceDecoder {
  bool present = true;  ///< If not, tokens are joined with spaces.
  std::string prefix = "##";
  bool cleanup = true;  ///< No space before punctuation and English contractions.
};

/// All that a WordPiece tokenizer with BERT's parts is: what tokenizer.json says, as data.
struct WordPieceConfig : WordPieceModel {
  BertNormalizerOptions normalizer;
  std::vector<AddedToken> added_tokens;
  SpecialTemplate specials;
  WordPieceDecoder decoder;
};

/// Equal to Hugging Face's BertNormalizer, BertPreTokenizer and WordPiece in ids and offsets, and
/// faster than the parts put together: ASCII words are looked up in place.
///
/// Time is linear in the text for a given configuration. Fails with kDataLoss if the
/// unknown token is missing or an id lies outside the vocabulary; kResourceExhausted if
/// an id or a token is too large to be meant.
Result<std::shared_ptr<const Tokenizer>> make_wordpiece(WordPieceConfig config);

}  // namespace lanewise::text
