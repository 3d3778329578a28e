#pragma once

#include <cstdint>
#include <span>

#include "lanewise/batches.hpp"

namespace lanewise::exec {

using lanewise::BatchLimits;
using lanewise::LengthBatch;
using lanewise::LengthBatches;

/// Cuts sequences of `lengths` into batches within `limits`; a longer sequence is a batch of its
/// own.
///
/// Longest first, so that working memory reaches its size with the first batch, and a team of
/// threads ends on small pieces. There is no padding to save: equal lengths in a batch only make
/// its attention an even load.
///
/// batches  out; its memory is reused.
void cut_by_length(std::span<const int32_t> lengths, const BatchLimits& limits,
                   LengthBatches& batches);

}  // namespace lanewise::exec
