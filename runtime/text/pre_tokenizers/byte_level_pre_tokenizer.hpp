#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// GPT-2's: prepends a space unless the text has one, splits by GPT-2's regular expression, and
/// maps each byte to a printable character.
Result<PreTokenizerPtr> read_byte_level_pre_tokenizer(const base::JsonFields& fields);

/// ByT5's: each byte is a word, written as the character of the same number. Our own type.
Result<PreTokenizerPtr> read_bytes_pre_tokenizer(const base::JsonFields& fields);

}  // namespace lanewise::text
