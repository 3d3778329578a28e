#pragma once

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "lanewise/generation.hpp"

namespace lanewise::generate {

/// The options as an object of their fields' names, in alphabetical order. What has its default is left out;
/// early_stopping is "no", "yes" or "never".
base::JsonTree to_json(const GenerationOptions& options);

/// Reads what to_json() wrote, from a file that is not trusted.
///
/// Fails with kDataLoss, naming the field: a wrong type, an unknown field, a value out of range.
/// What contradicts itself, or is not supported, is for validate() to say when it is obeyed.
Result<GenerationOptions> options_from_json(const base::JsonFields& fields,
                                            int64_t vocabulary_size);

}  // namespace lanewise::generate
