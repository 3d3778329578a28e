#pragma once

#include <cstdint>

#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise::generate {

/// The part of validate() that looks at each value alone: its range, and ids below
/// `vocabulary_size`. A model file with other values is damaged; one whose options only contradict
/// each other opens, since a caller may replace them.
Status check_values(const GenerationOptions& options, int64_t vocabulary_size);

}  // namespace lanewise::generate
