#pragma once

#include <cstdint>

#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise::generate {

/// The largest LogitBias::bias, either way: far from infinity in f32.
inline constexpr double kMaxLogitBias = 1e30;

/// The part of validate() that checks each value alone: its range, and that ids are below
/// `vocabulary_size`. A model file that fails this is damaged. One whose options merely contradict
/// each other can be opened, because a caller may replace them.
Status check_values(const GenerationOptions& options, int64_t vocabulary_size);

}  // namespace lanewise::generate
