#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Splits at the matches of a pattern, or with `invert` at the text between them.
Result<PreTokenizerPtr> read_split(const base::JsonFields& fields);

/// The same for a compiled pattern.
PreTokenizerPtr make_split(Regex pattern, SplitBehavior behavior, bool invert);

}  // namespace lanewise::text
