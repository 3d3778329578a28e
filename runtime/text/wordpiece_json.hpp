#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "runtime/text/json_fields.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/text/wordpiece.hpp"

namespace lanewise::text {

/// Reads a tokenizer.json whose model is WordPiece.
///
/// Fails with kUnsupported, naming it, for a normalizer, pre_tokenizer, post_processor or decoder
/// other than BERT's, and with kDataLoss for fields of the wrong type.
Result<WordPieceConfig> wordpiece_from_json(const JsonFields& file);

/// The tokenizer.json of `config`. `tokenizer` is the one made from it.
std::string wordpiece_to_json(const WordPieceConfig& config, const Tokenizer& tokenizer);

}  // namespace lanewise::text
