#pragma once

#include <string_view>

#include "base/json_tree.hpp"
#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Makes the tokenizer.json equivalent to vocab.json and merges.txt: GPT-2's, RoBERTa's and BART's
/// or HerBERT's, by the class named in `companions`. If they name none, it is set there: RoBERTa's
/// if the vocabulary has <s> and </s>, else GPT-2's. apply_companions() handles their other
/// settings.
///
/// Fails with kDataLoss if a file is damaged or lacks a token that surrounds texts; with
/// kUnsupported, naming it, for another class.
Result<base::JsonTree> tokenizer_json_of_bpe_files(std::string_view vocabulary,
                                                   std::string_view merges, Companions* companions);

}  // namespace lanewise::converters
