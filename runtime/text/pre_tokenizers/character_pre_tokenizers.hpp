#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Runs of word characters, and of what is neither that nor white space.
Result<PreTokenizerPtr> read_whitespace(const base::JsonFields& fields);
/// What white space separates.
Result<PreTokenizerPtr> read_whitespace_split(const base::JsonFields& fields);
/// What white space separates, and each punctuation mark alone.
Result<PreTokenizerPtr> read_bert_pre_tokenizer(const base::JsonFields& fields);
/// Cuts at punctuation marks.
Result<PreTokenizerPtr> read_punctuation(const base::JsonFields& fields);
/// Cuts numbers off, or into single digits.
Result<PreTokenizerPtr> read_digits(const base::JsonFields& fields);
/// What one character separates.
Result<PreTokenizerPtr> read_delimiter(const base::JsonFields& fields);

/// Cuts where the script changes, as SentencePiece's training does: kana and ideographs are one, a
/// space belongs to any. Spaces at the beginning are left out.
Result<PreTokenizerPtr> read_unicode_scripts(const base::JsonFields& fields);
/// So many characters each.
Result<PreTokenizerPtr> read_fixed_length(const base::JsonFields& fields);

}  // namespace lanewise::text
