#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

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

/// One entry of added_tokens, without its id.
Result<AddedToken> added_token_from_json(const JsonFields& entry);

/// What other models have alike: the added tokens, and the special tokens around a text.
Status added_tokens_from_json(const JsonFields& file, std::vector<AddedToken>* tokens);
Result<SpecialTemplate> read_post_processor(const JsonFields& file);
nlohmann::json added_tokens_to_json(const std::vector<AddedToken>& tokens);
/// `tokenizer` knows the names of the ids.
nlohmann::json template_to_json(const SpecialTemplate& specials, const Tokenizer& tokenizer);

/// The tokenizer.json of `config`. `tokenizer` is the one made from it.
std::string wordpiece_to_json(const WordPieceConfig& config, const Tokenizer& tokenizer);

}  // namespace lanewise::text
