#pragma once

#include <cstdint>
#include <string_view>

#include "converters/config.hpp"
#include "converters/report.hpp"
#include "lanewise/generation.hpp"

namespace lanewise::converters {

/// What a generation_config.json says, or a config.json from before there were such files.
///
/// temperature, top_k and top_p hold where do_sample is true, with Transformers' defaults of 1, 50
/// and 1; else the temperature is 0. Without max_new_tokens and max_length there is no length but
/// the model's.
///
/// A wrong type, a value out of range and a field that changes results and is not built here go
/// into GenerationOptions::unsupported: who only tokenises need not mind them.
///
/// report  is told what of these would be obeyed, and the fields that nobody here knows. Those that
///         cannot change which tokens are chosen are known, and ignored (the list is in
///         generation_config.cpp).
GenerationOptions read_generation_config(const Config& config, int64_t vocabulary_size,
                                         const Report& report);

/// Whether read_generation_config() knows the field.
bool is_generation_field(std::string_view name);

}  // namespace lanewise::converters
