#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// The tokenizer.json that vocab.json, merges.txt and, where not empty, tokenizer_config.json stand
/// for: GPT-2's, or RoBERTa's and BART's where the settings or the tokens <s> and </s> say so.
///
/// kDataLoss if a file is damaged; kUnsupported, naming it, for another tokenizer_class.
Result<nlohmann::json> tokenizer_json_of_bpe_files(std::string_view vocabulary,
                                                   std::string_view merges,
                                                   std::string_view settings);

}  // namespace lanewise::text
