#pragma once

#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Makes the tokenizer.json `json` convert texts to lower case before anything else, as
/// `do_lower_case` of sentence-transformers requires, whatever the tokenizer itself does. Fails as
/// text::parse_tokenizer() does if its normalizer cannot follow that step.
Result<std::string> lowercase_first(const std::string& json);

}  // namespace lanewise::converters
