#pragma once

#include "lanewise/generation.hpp"

namespace lanewise::generate {

/// Whether Transformers would obey the field `option.field` in the kind of search that `options`
/// describe.
bool is_obeyed(const UnsupportedOption& option, const GenerationOptions& options);

}  // namespace lanewise::generate
