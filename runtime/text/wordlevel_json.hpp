#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "runtime/text/json_fields.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/text/wordlevel.hpp"

namespace lanewise::text {

/// Reads a tokenizer.json whose model is WordLevel.
///
/// Fails with kUnsupported, naming it, for a normalizer other than Lowercase, a pre_tokenizer other
/// than WhitespaceSplit, Whitespace and a Split into characters, a decoder other than Fuse, and a
/// post_processor that WordPiece would not have; with kDataLoss for fields of the wrong type.
Result<WordLevelConfig> wordlevel_from_json(const JsonFields& file);

/// The tokenizer.json of `config`. `tokenizer` is the one made from it.
std::string wordlevel_to_json(const WordLevelConfig& config, const Tokenizer& tokenizer);

}  // namespace lanewise::text
