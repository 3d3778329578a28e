#pragma once

#include "lanewise/generation.hpp"

namespace lanewise::generate {

/// Returns whether the field `option.field` would affect the kind of search that `options` describe
/// in Transformers.
bool is_obeyed(const UnsupportedOption& option, const GenerationOptions& options);

}  // namespace lanewise::generate
