#pragma once

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

namespace lanewise::text {

/// Where Metaspace prepends a space to text that lacks one.
enum class PrependScheme { kAlways, kFirst, kNever };

/// Reads the field `prepend_scheme` or, in older files, `add_prefix_space`.
Result<PrependScheme> read_prepend_scheme(const base::JsonFields& fields);

/// Turns each space into U+2581, prepends one to the text, and starts a word at each.
Result<PreTokenizerPtr> read_metaspace(const base::JsonFields& fields);

}  // namespace lanewise::text
