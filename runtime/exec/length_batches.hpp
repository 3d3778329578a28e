#pragma once

#include <cstdint>
#include <span>

#include "lanewise/batches.hpp"

namespace lanewise::exec {

using lanewise::BatchLimits;
using lanewise::LengthBatch;
using lanewise::LengthBatches;

/// Divides sequences of `lengths` into batches within `limits`; a sequence that exceeds them is a
/// batch of its own.
///
/// The longest come first, so that working memory reaches its final size with the first batch and
/// the last pieces of the threads are small. There is no padding to avoid: equal lengths in a batch
/// only balance the load of attention.
///
/// batches  out; its memory is reused.
void cut_by_length(std::span<const int32_t> lengths, const BatchLimits& limits,
                   LengthBatches& batches);

}  // namespace lanewise::exec
