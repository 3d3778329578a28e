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

/// The tokenizer.json equivalent to BERT's or MPNet's vocab.txt: one token per line, whose id is the line
/// number from 0. If a token appears twice, the last one counts, as in Transformers. Of
/// `companions` this uses only the names of [UNK], [CLS] and [SEP]; apply_companions() handles the
/// rest.
///
/// Fails with kDataLoss if the file is no UTF-8 or has no [CLS] or [SEP]; kUnsupported if the
/// class of the tokenizer is neither one of BERT's nor MPNet's.
Result<base::JsonTree> tokenizer_json_of_vocabulary(std::string_view vocabulary,
                                                    const Companions& companions);

}  // namespace lanewise::converters
