#pragma once

#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/wordpiece.hpp"

namespace lanewise::text {

/// The BERT tokenizer of an older checkpoint, which has no tokenizer.json.
///
/// vocabulary  vocab.txt: one token a line, its id the number of the line from 0. Of a token that
///             stands there twice the last counts, as in Transformers.
/// settings    tokenizer_config.json, or empty: BERT's defaults (uncased).
/// Fails with kDataLoss if either is malformed or [CLS] or [SEP] is missing; kUnsupported if the
/// settings name a tokenizer that cuts words otherwise.
Result<WordPieceConfig> wordpiece_from_vocabulary(std::string_view vocabulary,
                                                  std::string_view settings);

}  // namespace lanewise::text
