#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tokenizer.json that vocab.json and merges.txt stand for: GPT-2's, RoBERTa's and BART's or
/// HerBERT's, by the class that `companions` name. Where they name none it is entered there:
/// RoBERTa's if the vocabulary has <s> and </s>, else GPT-2's. What else they say is
/// apply_companions()'s.
///
/// kDataLoss if a file is damaged or lacks a token that stands around texts; kUnsupported, naming
/// it, for another class.
Result<nlohmann::json> tokenizer_json_of_bpe_files(std::string_view vocabulary,
                                                   std::string_view merges, Companions* companions);

}  // namespace lanewise::converters
