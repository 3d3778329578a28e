#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Runs of word characters, and of what is neither that nor white space.
Result<PreTokenizerPtr> read_whitespace(const JsonFields& fields);
/// What white space separates.
Result<PreTokenizerPtr> read_whitespace_split(const JsonFields& fields);
/// What white space separates, and each punctuation mark alone.
Result<PreTokenizerPtr> read_bert_pre_tokenizer(const JsonFields& fields);
/// Cuts at punctuation marks.
Result<PreTokenizerPtr> read_punctuation(const JsonFields& fields);
/// Cuts numbers off, or into single digits.
Result<PreTokenizerPtr> read_digits(const JsonFields& fields);
/// What one character separates.
Result<PreTokenizerPtr> read_delimiter(const JsonFields& fields);

/// Cuts where the script changes, as SentencePiece's training does: kana and ideographs are one, a
/// space belongs to any. Spaces at the beginning are left out.
Result<PreTokenizerPtr> read_unicode_scripts(const JsonFields& fields);
/// So many characters each.
Result<PreTokenizerPtr> read_fixed_length(const JsonFields& fields);

}  // namespace lanewise::text
