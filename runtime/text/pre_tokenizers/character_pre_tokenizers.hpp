#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Runs of word characters, and runs of other characters that are not white space.
Result<PreTokenizerPtr> read_whitespace(const base::JsonFields& fields);
/// Splits at white space.
Result<PreTokenizerPtr> read_whitespace_split(const base::JsonFields& fields);
/// Splits at white space and makes each punctuation mark a word.
Result<PreTokenizerPtr> read_bert_pre_tokenizer(const base::JsonFields& fields);
/// Splits at punctuation marks.
Result<PreTokenizerPtr> read_punctuation(const base::JsonFields& fields);
/// Separates numbers from other text, or splits them into single digits.
Result<PreTokenizerPtr> read_digits(const base::JsonFields& fields);
/// Splits at a given character.
Result<PreTokenizerPtr> read_delimiter(const base::JsonFields& fields);

/// Splits where the script changes, as SentencePiece's training does: kana and ideographs count as
/// one script, a space belongs to any. Drops spaces at the beginning.
Result<PreTokenizerPtr> read_unicode_scripts(const base::JsonFields& fields);
/// Splits into words of a fixed number of characters.
Result<PreTokenizerPtr> read_fixed_length(const base::JsonFields& fields);

}  // namespace lanewise::text
