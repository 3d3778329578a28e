#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json_tree.hpp"
#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// vocab.json: ids by token. Fails with kDataLoss.
Result<std::map<std::string, int32_t>> read_vocabulary_json(std::string_view text);

/// The tokenizer.json that BERT's vocab.txt stands for: one token a line, its id the number of the
/// line from 0. Of a token that appears twice the last counts, as in Transformers. What
/// `companions` say beside the names of [UNK], [CLS] and [SEP] is apply_companions()'s.
///
/// Fails with kDataLoss if the file is no UTF-8 or has no [CLS] or [SEP]; kUnsupported if the
/// class of the tokenizer is none of BERT's.
Result<base::JsonTree> tokenizer_json_of_vocabulary(std::string_view vocabulary,
                                                    const Companions& companions);

}  // namespace lanewise::converters
