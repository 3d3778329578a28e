#pragma once

#include <cstdint>
#include <string_view>

#include "converters/config.hpp"
#include "converters/report.hpp"
#include "lanewise/generation.hpp"

namespace lanewise::converters {

/// Reads a generation_config.json, or a config.json that predates such files.
///
/// temperature, top_k and top_p apply if do_sample is true, with Transformers' defaults of 1, 50
/// and 1; otherwise the temperature is 0. Without max_new_tokens and max_length only the model
/// limits the length.
///
/// A wrong type, a value out of range, or a field that changes results and is not supported goes to
/// GenerationOptions::unsupported, so that it does not affect callers that only tokenize.
///
/// report  receives those that would affect the default search, and unknown fields. Fields that
///         cannot change which tokens are chosen are ignored (the list is in
///         generation_config.cpp).
GenerationOptions read_generation_config(const Config& config, int64_t vocabulary_size,
                                         const Report& report);

/// Whether read_generation_config() knows the field.
bool is_generation_field(std::string_view name);

}  // namespace lanewise::converters
