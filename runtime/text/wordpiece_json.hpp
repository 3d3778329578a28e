#pragma once

#include <string>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/text/wordpiece.hpp"

namespace lanewise::text {

/// Whether the parts of a tokenizer.json around its WordPiece model are BERT's, which
/// make_wordpiece() knows; with others it is a tokenizer of parts, subword_tokenizer.hpp.
bool has_bert_parts(const base::JsonFields& file);

/// Reads a tokenizer.json with BERT's parts. kDataLoss for fields of the wrong type.
Result<WordPieceConfig> wordpiece_from_json(const base::JsonFields& file);

/// The tokenizer.json of `config`. `tokenizer` is the one made from it.
std::string wordpiece_to_json(const WordPieceConfig& config, const Tokenizer& tokenizer);

}  // namespace lanewise::text
