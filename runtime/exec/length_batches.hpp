#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lanewise::exec {

/// Sequences to run together: [begin, end) of the order by length.
struct LengthBatch {
  size_t begin = 0;
  size_t end = 0;
  int64_t tokens = 0;
};

/// Sequences sorted by length and divided into batches.
struct LengthBatches {
  std::vector<int32_t> order;  ///< indices of sequences, longest first; the sort is stable
  std::vector<LengthBatch> batches;
};

/// The maximum size of a batch.
struct BatchLimits {
  int64_t tokens = 0;
  int64_t sequences = std::numeric_limits<int64_t>::max();  ///< at least 1
};

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
