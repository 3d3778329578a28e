#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// GPT-2's: a space before the text unless it has one, words by GPT-2's regular expression, and
/// a printable character for each byte.
Result<PreTokenizerPtr> read_byte_level_pre_tokenizer(const base::JsonFields& fields);

/// ByT5's: each byte is a word, the character with its number. A type of our own.
Result<PreTokenizerPtr> read_bytes_pre_tokenizer(const base::JsonFields& fields);

}  // namespace lanewise::text
