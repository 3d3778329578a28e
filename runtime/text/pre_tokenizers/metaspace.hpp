#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Where Metaspace puts a space that the text has not.
enum class PrependScheme { kAlways, kFirst, kNever };

/// The fields `prepend_scheme` and, of older files, `add_prefix_space`.
Result<PrependScheme> read_prepend_scheme(const base::JsonFields& fields);

/// U+2581 for each space, one before the text, and a word from each of them on.
Result<PreTokenizerPtr> read_metaspace(const base::JsonFields& fields);

}  // namespace lanewise::text
