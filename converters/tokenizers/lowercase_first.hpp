#pragma once

#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tokenizer `json`, a tokenizer.json, for texts that are put into lower case before anything
/// else: what `do_lower_case` of sentence-transformers asks for, whatever the tokenizer does
/// itself. Fails as text::parse_tokenizer() does where its normalizer cannot stand behind that.
Result<std::string> lowercase_first(const std::string& json);

}  // namespace lanewise::converters
